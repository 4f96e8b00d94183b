import { readDemoAnswers } from '../models/known-answers.ts'
import type { LoadReport } from '../load/load.ts'
import { openNoopQueue } from '../ceiling/noop-queue.ts'
import { demoModelDir } from '../ceiling/onnx-ceiling.ts'
import type { Plan } from './plan.ts'
import { watchProcesses } from '../processes/process-watch.ts'
import { toSpeed } from '../figures/speed.ts'
import type { Sample, Speed } from '../figures/speed.ts'
import { openStack } from '../stack/stack.ts'
import type { Stack, SubmitReport } from '../stack/stack.ts'
import { medianLatency, sum, summarizeRounds } from '../figures/statistics.ts'
import type { Latency, Rounds } from '../figures/statistics.ts'

/** What a tiny model's predictions cost over HTTP, beside what the queue alone can do in the same minute. */
export type Throughput = {
  /** BullMQ alone: before, between and after the measurements of OnQueue */
  ceiling: Speed
  submit: SpeedOfOnQueue & { acceptedPerSecond: Rounds }
  predict: PredictSpeed[]
  failures: number
  examples: string[]
}

type SpeedOfOnQueue = Speed & { shareOfCeiling: Rounds }
type PredictSpeed = SpeedOfOnQueue & { clients: number; latencyMs: Latency }

const clientCounts = [256, 64, 1]

/**
 * The machine is not the same from one minute to the next, so every measurement of OnQueue lies between two of the
 * ceiling, and is compared to their mean.
 */
export const measureThroughput = async (plan: Plan): Promise<Throughput> => {
  const answers = await readDemoAnswers()
  const stack = await openStack({ modelDir: demoModelDir, answers })
  try {
    const queue = await openNoopQueue(stack.redis)
    const processes = { producer: queue.producer.pid, worker: queue.worker.pid, Redis: stack.redis.pid }
    const ceilings: Sample<unknown>[] = []
    const measureCeiling = async (jobs: number) => {
      const watch = watchProcesses(processes)
      const perSecond = await queue.measureThroughput({ jobs })
      ceilings.push({ report: {}, perSecond, finished: jobs, usage: watch.stop() })
    }
    const compare = async <Report>(measure: () => Promise<Sample<Report>>): Promise<Compared<Report>> => {
      const sample = await measure()
      const before = ceilings.at(-1)?.perSecond ?? NaN
      await measureCeiling(plan.noopJobs)
      return { ...sample, ceiling: (before + (ceilings.at(-1)?.perSecond ?? NaN)) / 2 }
    }

    // V8 takes its time to make the code of a process fast, on both sides of the comparison
    await measureCeiling(plan.noopJobs)
    await stack.submitAll({ requests: plan.submits })
    await stack.load.predict({ clients: 64, durationMs: plan.predictMs })
    ceilings.length = 0

    await measureCeiling(plan.noopJobs)
    const submits: Compared<SubmitReport>[] = []
    const predicts: { clients: number; report: Compared<LoadReport> }[] = []
    for (let round = 0; round < plan.rounds; round++) {
      submits.push(await compare(() => measureSubmit(stack, plan)))
      for (const clients of clientCounts) {
        predicts.push({ clients, report: await compare(() => measurePredict(stack, clients, plan)) })
      }
    }
    await queue.close()

    const reports = [...submits, ...predicts.map(({ report }) => report)].map(({ report }) => report)
    return {
      ceiling: toSpeed(ceilings),
      submit: {
        ...compareSpeed(submits),
        acceptedPerSecond: summarizeRounds(submits.map(({ report }) => report.submitsPerSecond)),
      },
      predict: clientCounts.map((clients) => {
        const samples = predicts.filter((one) => one.clients === clients).map(({ report }) => report)
        const latencyMs = medianLatency(samples.map(({ report }) => report.latencyMs))
        return { clients, ...compareSpeed(samples), latencyMs }
      }),
      failures: sum(reports.map(({ failures }) => failures)),
      examples: reports.flatMap(({ examples }) => examples).slice(0, 5),
    }
  } finally {
    await stack.close()
  }
}

type Compared<Report> = Sample<Report> & { ceiling: number }

const measureSubmit = async (stack: Stack, { submits }: Plan): Promise<Sample<SubmitReport>> => {
  const { result: report, usage } = await stack.watch(() => stack.submitAll({ requests: submits }))
  return { report, perSecond: report.predictionsPerSecond, finished: submits, usage }
}

const measurePredict = async (
  stack: Stack,
  clients: number,
  { predictMs }: Plan,
): Promise<Sample<LoadReport>> => {
  const { result: report, usage } = await stack.watch(() =>
    stack.load.predict({ clients, durationMs: predictMs }),
  )
  const { requests, startedAt, endedAt } = report
  return { report, perSecond: (1000 * requests) / (endedAt - startedAt), finished: requests, usage }
}

const compareSpeed = (samples: readonly Compared<unknown>[]): SpeedOfOnQueue => ({
  ...toSpeed(samples),
  shareOfCeiling: summarizeRounds(samples.map(({ perSecond, ceiling }) => perSecond / ceiling)),
})
