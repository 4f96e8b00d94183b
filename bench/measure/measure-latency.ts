import { openNoopQueue } from '../ceiling/noop-queue.ts'
import type { ToldBy } from '../ceiling/noop-queue.ts'
import { addFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { medianLatency, summarizeLatency, summarizeRounds } from '../figures/statistics.ts'
import type { Latency, Rounds } from '../figures/statistics.ts'
import { Yardstick } from '../figures/yardstick.ts'
import type { LoadReport } from '../load/load.ts'
import { demoModelDir } from '../models/model-dirs.ts'
import { readDemoAnswers } from '../models/read-answers.ts'
import { openStack } from '../stack/stack.ts'
import type { Plan } from './plan.ts'

/** What one caller waits for when nobody else is there, beside a job of BullMQ that does nothing. */
export type IdleLatency = Failures & {
  /** told by `QueueEvents`' `completed` event: the quickest way a user of BullMQ has */
  noopMs: Latency
  /** told by `job.waitUntilFinished`, which also asks whether the job has finished already */
  noopWaitedForMs: Latency
  predictMs: Latency
  /** p50 of `predict` as a multiple of the `completed` event's, a figure a round */
  timesNoop: Rounds
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
    const predicted: LoadReport[] = []
    const times: number[] = []
    const measureYardstick = async () => {
      const latency = await measureNoop('completed-event')
      noop.push(latency)
      return latency.p50
    }

    await measureNoop('completed-event')
    await predictFor(1000)
    for (let round = 0; round < rounds; round++) {
      const yardstick = await Yardstick.start(measureYardstick)
      const { result: report, mean } = await yardstick.beside(() => predictFor(roundTrips * 2))
      waitedFor.push(await measureNoop('wait-until-finished'))
      predicted.push(report)
      times.push(report.latencyMs.p50 / mean)
    }
    await queue.close()
    return {
      noopMs: medianLatency(noop),
      noopWaitedForMs: medianLatency(waitedFor),
      predictMs: medianLatency(predicted.map(({ latencyMs }) => latencyMs)),
      timesNoop: summarizeRounds(times),
      ...addFailures(predicted),
    }
  } finally {
    await stack.close()
  }
}
