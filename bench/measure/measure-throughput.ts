import { openNoopQueue } from '../ceiling/noop-queue.ts'
import { addFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { compareSample, toShares, toSpeed } from '../figures/speed.ts'
import type { ComparedSample, Sample, Speed } from '../figures/speed.ts'
import { medianLatency, rateOf, summarizeRounds } from '../figures/statistics.ts'
import type { Latency, Rounds } from '../figures/statistics.ts'
import { Yardstick } from '../figures/yardstick.ts'
import type { LoadReport } from '../load/load.ts'
import { demoModelDir } from '../models/model-dirs.ts'
import { readDemoAnswers } from '../models/read-answers.ts'
import { watchProcesses } from '../processes/process-watch.ts'
import { openStack } from '../stack/stack.ts'
import type { Stack, SubmitReport } from '../stack/stack.ts'
import { measureSubmit } from './measure-submit.ts'
import type { Plan } from './plan.ts'

/** What a tiny model's predictions cost over HTTP, beside what the queue alone can do in the same minute. */
export type Throughput = Failures & {
  /** BullMQ alone: before, between and after the measurements of OnQueue */
  ceiling: Speed
  submit: SpeedOfOnQueue & { acceptedPerSecond: Rounds }
  /** 64 a request */
  bulk: SpeedOfOnQueue
  predict: PredictSpeed[]
}

type SpeedOfOnQueue = Speed & { shareOfCeiling: Rounds }
type PredictSpeed = SpeedOfOnQueue & { clients: number; latencyMs: Latency }

type Predicts = { clients: number; samples: ComparedSample<LoadReport>[] }

const clientCounts = [256, 64, 1]
const bulkSize = 64

export const measureThroughput = async ({
  rounds,
  noopJobs,
  submits: requests,
  predictMs,
}: Plan): Promise<Throughput> => {
  const answers = await readDemoAnswers()
  const stack = await openStack({ modelDir: demoModelDir, answers })
  try {
    const queue = await openNoopQueue(stack.redis)
    const processes = { producer: queue.producer.pid, worker: queue.worker.pid, Redis: stack.redis.pid }
    const ceilings: Sample<unknown>[] = []
    const measureCeiling = async () => {
      const watch = watchProcesses(processes)
      const perSecond = await queue.measureThroughput({ jobs: noopJobs })
      ceilings.push({ report: {}, perSecond, finished: noopJobs, usage: watch.stop() })
      return perSecond
    }

    // V8 takes its time to make the code of a process fast, on both sides of the comparison
    await measureCeiling()
    await stack.submitAll({ requests })
    await stack.submitAll({ requests, atOnce: bulkSize })
    await stack.load.predict({ clients: 64, durationMs: predictMs })
    ceilings.length = 0

    const yardstick = await Yardstick.start(measureCeiling)
    const submits: ComparedSample<SubmitReport>[] = []
    const bulks: ComparedSample<SubmitReport>[] = []
    const predicts: Predicts[] = clientCounts.map((clients) => ({ clients, samples: [] }))
    for (let round = 0; round < rounds; round++) {
      submits.push(await compareSample(yardstick, () => measureSubmit(stack, { requests })))
      bulks.push(await compareSample(yardstick, () => measureSubmit(stack, { requests, atOnce: bulkSize })))
      for (const { clients, samples } of predicts) {
        samples.push(await compareSample(yardstick, () => measurePredict(stack, { clients, predictMs })))
      }
    }
    await queue.close()

    return {
      ceiling: toSpeed(ceilings),
      submit: {
        ...toSpeedOfOnQueue(submits),
        acceptedPerSecond: summarizeRounds(submits.map(({ report }) => report.submitsPerSecond)),
      },
      bulk: toSpeedOfOnQueue(bulks),
      predict: predicts.map(({ clients, samples }) => ({
        clients,
        ...toSpeedOfOnQueue(samples),
        latencyMs: medianLatency(samples.map(({ report }) => report.latencyMs)),
      })),
      ...addFailures(
        [...submits, ...bulks, ...predicts.flatMap(({ samples }) => samples)].map(({ report }) => report),
      ),
    }
  } finally {
    await stack.close()
  }
}

const measurePredict = async (
  stack: Stack,
  { clients, predictMs }: { clients: number; predictMs: number },
): Promise<Sample<LoadReport>> => {
  const { result: report, usage } = await stack.watch(() =>
    stack.load.predict({ clients, durationMs: predictMs }),
  )
  const { requests, startedAt, endedAt } = report
  return { report, perSecond: rateOf(requests, endedAt - startedAt), finished: requests, usage }
}

const toSpeedOfOnQueue = (samples: readonly ComparedSample<unknown>[]): SpeedOfOnQueue => ({
  ...toSpeed(samples),
  shareOfCeiling: toShares(samples),
})
