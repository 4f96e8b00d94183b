import { readDemoAnswers } from './known-answers.ts'
import { type LoadReport } from './load.ts'
import { openNoopQueue } from './noop-queue.ts'
import { demoModelDir } from './onnx-ceiling.ts'
import type { Plan } from './plan.ts'
import { addUsage, type Usage } from './process-watch.ts'
import { openStack, type SubmitReport } from './stack.ts'
import { type Latency, medianLatency, type Rounds, summarizeRounds } from './statistics.ts'

/** What a tiny model's predictions cost over HTTP, beside what the queue alone can do in the same minute. */
export type Throughput = {
  /** jobs a second of BullMQ alone: before, between and after the measurements of OnQueue */
  ceiling: Rounds
  submit: {
    perSecond: Rounds
    submitsPerSecond: Rounds
    shareOfCeiling: Rounds
    usage: Record<string, Usage>
  }
  predict: PredictSpeed[]
  failures: number
  examples: string[]
}

export type PredictSpeed = {
  clients: number
  perSecond: Rounds
  shareOfCeiling: Rounds
  latencyMs: Latency
  usage: Record<string, Usage>
}

const clientCounts = [256, 64, 1]

/**
 * The machine is not the same from one minute to the next, so every measurement of OnQueue lies between two of the
 * ceiling, and is compared to their mean.
 */
export const measureThroughput = async ({
  rounds,
  noopJobs,
  submits,
  predictMs,
}: Plan): Promise<Throughput> => {
  const answers = await readDemoAnswers()
  const stack = await openStack({ modelDir: demoModelDir, answers })
  try {
    const queue = await openNoopQueue(stack.redis)
    const ceilings: number[] = []
    const measureCeiling = async () => {
      ceilings.push(await queue.measureThroughput({ jobs: noopJobs }))
    }
    const measured = async <Report>(measure: () => Promise<Report>): Promise<Measured<Report>> => {
      const { result, usage } = await stack.watch(measure)
      const before = ceilings.at(-1) ?? NaN
      await measureCeiling()
      return { report: result, usage, ceiling: (before + (ceilings.at(-1) ?? NaN)) / 2 }
    }

    await queue.measureThroughput({ jobs: noopJobs / 10 })
    await stack.submitAll({ requests: submits / 10 })
    await stack.load.predict({ clients: 64, durationMs: predictMs / 5 })

    const submitted: Measured<SubmitReport>[] = []
    const predicted = new Map<number, Measured<LoadReport>[]>(clientCounts.map((clients) => [clients, []]))
    await measureCeiling()
    for (let round = 0; round < rounds; round++) {
      submitted.push(await measured(() => stack.submitAll({ requests: submits })))
      for (const [clients, reports] of predicted) {
        reports.push(await measured(() => stack.load.predict({ clients, durationMs: predictMs })))
      }
    }
    await queue.close()

    const reports = [...submitted, ...[...predicted.values()].flat()].map(({ report }) => report)
    return {
      ceiling: summarizeRounds(ceilings),
      submit: toSubmitSpeed(submitted),
      predict: [...predicted].map(([clients, all]) => toPredictSpeed(clients, all)),
      failures: reports.reduce((total, { failures }) => total + failures, 0),
      examples: reports.flatMap(({ examples }) => examples).slice(0, 5),
    }
  } finally {
    await stack.close()
  }
}

type Measured<Report> = { report: Report; usage: Record<string, Usage>; ceiling: number }

const toSubmitSpeed = (all: Measured<SubmitReport>[]): Throughput['submit'] => ({
  perSecond: summarizeRounds(all.map(({ report }) => report.predictionsPerSecond)),
  submitsPerSecond: summarizeRounds(all.map(({ report }) => report.submitsPerSecond)),
  shareOfCeiling: summarizeRounds(all.map(({ report, ceiling }) => report.predictionsPerSecond / ceiling)),
  usage: addUsage(all.map(({ usage }) => usage)),
})

const toPredictSpeed = (clients: number, all: Measured<LoadReport>[]): PredictSpeed => ({
  clients,
  perSecond: summarizeRounds(all.map(({ report }) => perSecond(report))),
  shareOfCeiling: summarizeRounds(all.map(({ report, ceiling }) => perSecond(report) / ceiling)),
  latencyMs: medianLatency(all.map(({ report }) => report.latencyMs)),
  usage: addUsage(all.map(({ usage }) => usage)),
})

const perSecond = ({ requests, startedAt, endedAt }: LoadReport) => (1000 * requests) / (endedAt - startedAt)
