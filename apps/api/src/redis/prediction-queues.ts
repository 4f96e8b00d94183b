import { AppError, createPredictionQueues, refusalOf } from '@onqueue/shared'
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

const noAnswer = 'the queue does not answer at the moment, and the prediction was not accepted; try again'

/** Nothing was done, and nothing will be. */
export const queueUnavailable = (cause?: unknown) =>
  new AppError(
    'queue_unavailable',
    refusalOf(cause)
      ? 'the queue refuses everything at the moment, and the prediction was not accepted; try again'
      : noAnswer,
    { retryAfterSeconds: retryAfterSeconds(cause), cause },
  )

/** Redis came to it so late that it does not run: whose caller still waits may be added under another id. */
export class CameLate extends AppError {
  constructor() {
    super('queue_unavailable', noAnswer, { retryAfterSeconds: 1 })
  }
}

/** A refusal takes longer to pass than a lost connection: somebody has to do something, or fails over. */
const retryAfterSeconds = (err: unknown) => (refusalOf(err) ? 5 : 1)
