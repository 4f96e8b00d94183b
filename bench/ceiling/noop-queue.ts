import { join } from 'node:path'
import { z } from 'zod'
import { rateOf } from '../figures/statistics.ts'
import { startBenchProcess } from '../processes/bench-process.ts'
import type { BenchProcess } from '../processes/bench-process.ts'

/**
 * BullMQ with jobs that do nothing, added in one process and done in another: the ceiling of what any server on the
 * same queue can reach.
 */
export type NoopQueue = {
  producer: BenchProcess
  worker: BenchProcess
  /** Adds jobs, 256 at a time, while the worker takes them; jobs a second from the first add to the last completion. */
  measureThroughput: (options: { jobs: number }) => Promise<number>
  /** Milliseconds from `add` until the adding process knows that the job completed; one job at a time. */
  measureRoundTrips: (options: { jobs: number; toldBy: ToldBy }) => Promise<number[]>
  close: () => Promise<void>
}

/** The two ways that BullMQ's `QueueEvents` has: `job.waitUntilFinished`, and its `completed` event. */
export type ToldBy = 'wait-until-finished' | 'completed-event'

const addedSchema = z.object({ startedAt: z.number() })
const completedSchema = z.object({ completedAt: z.number() })
const samplesSchema = z.object({ samplesMs: z.array(z.number()) })

export const openNoopQueue = async (
  redis: { url: string },
  { concurrency = 64 } = {},
): Promise<NoopQueue> => {
  const [producer, worker] = await Promise.all([
    startBenchProcess(join(import.meta.dirname, 'noop-producer-process.ts')),
    startBenchProcess(join(import.meta.dirname, 'noop-worker-process.ts')),
  ])
  const at = { type: 'open', redisUrl: redis.url, prefix: `bench-${concurrency}` }
  await producer.tell(at)
  await worker.tell({ ...at, concurrency })

  return {
    producer,
    worker,
    measureThroughput: async ({ jobs }) => {
      const completing = worker.ask({ type: 'complete', count: jobs }, completedSchema)
      const [{ startedAt }, { completedAt }] = await Promise.all([
        producer.ask({ type: 'add', count: jobs }, addedSchema),
        completing,
      ])
      await producer.tell({ type: 'obliterate' })
      return rateOf(jobs, completedAt - startedAt)
    },
    measureRoundTrips: async ({ jobs, toldBy }) =>
      (await producer.ask({ type: 'round-trips', count: jobs, toldBy }, samplesSchema)).samplesMs,
    close: async () => {
      await Promise.all([producer.close(), worker.close()])
    },
  }
}
