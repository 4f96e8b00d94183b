import { readDemoAnswers } from '../models/known-answers.ts'
import { openNoopQueue } from '../ceiling/noop-queue.ts'
import type { ToldBy } from '../ceiling/noop-queue.ts'
import { demoModelDir } from '../ceiling/onnx-ceiling.ts'
import type { Plan } from './plan.ts'
import { openStack } from '../stack/stack.ts'
import { medianLatency, summarizeLatency, summarizeRounds } from '../figures/statistics.ts'
import type { Latency, Rounds } from '../figures/statistics.ts'

/** What one caller waits for when nobody else is there, beside a job of BullMQ that does nothing. */
export type IdleLatency = {
  /** told by `QueueEvents`' `completed` event: the quickest way a user of BullMQ has */
  noopMs: Latency
  /** told by `job.waitUntilFinished`, which also asks whether the job has finished already */
  noopWaitedForMs: Latency
  predictMs: Latency
  /** p50 of `predict` as a multiple of the `completed` event's, a figure a round */
  timesNoop: Rounds
  failures: number
  examples: string[]
}

export const measureLatency = async ({ rounds, roundTrips }: Plan): Promise<IdleLatency> => {
  const answers = await readDemoAnswers()
  const stack = await openStack({ modelDir: demoModelDir, answers })
  try {
    const queue = await openNoopQueue(stack.redis)
    const measureNoop = async (toldBy: ToldBy) =>
      summarizeLatency(await queue.measureRoundTrips({ jobs: roundTrips, toldBy }))
    const predictFor = (durationMs: number) => stack.load.predict({ clients: 1, durationMs })

    const noop: Latency[] = []
    const waitedFor: Latency[] = []
    const predicted: Awaited<ReturnType<typeof predictFor>>[] = []
    const times: number[] = []

    await measureNoop('completed-event')
    await predictFor(1000)
    for (let round = 0; round < rounds; round++) {
      const before = await measureNoop('completed-event')
      const report = await predictFor(roundTrips * 2)
      const after = await measureNoop('completed-event')
      waitedFor.push(await measureNoop('wait-until-finished'))
      noop.push(before, after)
      predicted.push(report)
      times.push(report.latencyMs.p50 / ((before.p50 + after.p50) / 2))
    }
    await queue.close()
    return {
      noopMs: medianLatency(noop),
      noopWaitedForMs: medianLatency(waitedFor),
      predictMs: medianLatency(predicted.map(({ latencyMs }) => latencyMs)),
      timesNoop: summarizeRounds(times),
      failures: predicted.reduce((total, { failures }) => total + failures, 0),
      examples: predicted.flatMap(({ examples }) => examples).slice(0, 5),
    }
  } finally {
    await stack.close()
  }
}
