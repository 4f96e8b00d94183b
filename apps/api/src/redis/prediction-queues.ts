import { AppError, createPredictionQueues } from '@onqueue/shared'
import type { PredictionQueues, RedisStore } from '@onqueue/shared'

/**
 * The queues of the models, for requests that can't wait: opening one throws `queue_unavailable` while Redis is away, which a
 * BullMQ queue that is opened then would wait for. Only for models of the catalog, as a queue leaves a key in Redis.
 */
export const openPredictionQueues = (store: RedisStore): PredictionQueues => {
  const queues = createPredictionQueues(store)
  return {
    ...queues,
    open: (model) => {
      if (store.redis.status !== 'ready') throw queueUnavailable()
      return queues.open(model)
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
