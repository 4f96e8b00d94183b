import { openNoopQueue } from '../ceiling/noop-queue.ts'
import { summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'
import { openEmbeddedRedis } from '../stack/embedded-redis.ts'
import type { Plan } from './plan.ts'

/** Jobs a second that BullMQ adds and completes at the same time, by the worker's concurrency. */
export type QueueSpeed = { concurrency: number; jobsPerSecond: Rounds }

const concurrencies = [64, 256]

export const measureQueue = async ({ rounds, noopJobs }: Plan): Promise<QueueSpeed[]> => {
  const redis = await openEmbeddedRedis()
  try {
    const speeds: number[][] = concurrencies.map(() => [])
    for (let round = 0; round < rounds; round++) {
      for (const [index, concurrency] of concurrencies.entries()) {
        const queue = await openNoopQueue(redis, { concurrency })
        await queue.measureThroughput({ jobs: noopJobs / 10 })
        speeds[index]?.push(await queue.measureThroughput({ jobs: noopJobs }))
        await queue.close()
      }
    }
    return concurrencies.map((concurrency, index) => ({
      concurrency,
      jobsPerSecond: summarizeRounds(speeds[index] ?? []),
    }))
  } finally {
    await redis.close()
  }
}
