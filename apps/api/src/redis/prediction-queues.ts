import { AppError, openPredictionQueue } from '@onqueue/shared'
import type { PredictionQueue } from '@onqueue/shared'
import type { Redis } from 'ioredis'

/**
 * The BullMQ queues of the models, opened at their first use. Only for models of the catalog: a queue leaves a key in
 * Redis when it is opened.
 */
export type PredictionQueues = {
  /** Throws `queue_unavailable` while Redis is away: a BullMQ queue that is opened then would wait for it. */
  open(model: string): PredictionQueue
  close(): Promise<void>
}

export const createPredictionQueues = ({
  redis,
  namespace,
}: {
  redis: Redis
  namespace: string
}): PredictionQueues => {
  const queues = new Map<string, PredictionQueue>()
  return {
    open: (model) => {
      if (redis.status !== 'ready') throw queueUnavailable()
      const queue = queues.get(model) ?? openPredictionQueue(redis, namespace, model)
      queues.set(model, queue)
      return queue
    },
    close: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.close()))
      queues.clear()
    },
  }
}

export const queueUnavailable = (cause?: unknown) =>
  new AppError(
    'queue_unavailable',
    'the queue does not answer at the moment, and the prediction was not accepted; try again',
    {
      retryAfterSeconds: 1,
      cause,
    },
  )
