import { Queue } from 'bullmq'
import type { JobsOptions } from 'bullmq'
import type { Redis } from 'ioredis'
import { modelPrefix, queueName } from '../redis/names.ts'
import type { QueueName } from '../redis/names.ts'
import { queuePriority } from '../contract/prediction-job.ts'
import type { PredictionJobData } from '../contract/prediction-job.ts'

/** Of the job of a pack the data is a `PackJobData`: whoever looks at it asks `isPackJob` first. */
export type PredictionQueue = Queue<PredictionJobData>

/**
 * The settings of locks and stalled checks. They must be the same in every process: BullMQ keeps the interval of
 * whoever came last.
 */
export const lockSettings = { lockDuration: 15_000, stalledInterval: 5_000, maxStalledCount: 10 }

/** Opens the queue of a model's predictions on a shared connection. */
export const openPredictionQueue = (redis: Redis, namespace: string, model: string): PredictionQueue =>
  openQueue(redis, namespace, { model, name: queueName })

/** Opens a queue of a model on a shared connection. Closing the queue leaves the connection open. */
export const openQueue = <Data>(
  redis: Redis,
  namespace: string,
  { model, name }: { model: string; name: QueueName },
): Queue<Data> => {
  const queue = new Queue<Data>(name, {
    connection: redis,
    prefix: modelPrefix(namespace, model),
    // nothing reads BullMQ's event stream: notices and outcomes take its place
    streams: { events: { maxLen: 100 } },
    skipVersionCheck: true,
    // for whoever looks for stalled jobs by it
    ...lockSettings,
  })
  // the connection reports its own losses
  queue.on('error', () => undefined)
  return queue
}

/**
 * How a prediction, or a pack of them, becomes a job. The job's name carries the owner, so that scripts can find the owner's listing
 * without reading the job's data.
 */
export const jobOptions = (
  id: string,
  job: Pick<PredictionJobData, 'createdAt' | 'priority'>,
  attempts: number,
): JobsOptions => ({
  jobId: id,
  timestamp: job.createdAt,
  priority: queuePriority[job.priority],
  attempts,
  backoff: { type: 'exponential', delay: 500 },
  keepLogs: 0,
  stackTraceLimit: 1,
})
