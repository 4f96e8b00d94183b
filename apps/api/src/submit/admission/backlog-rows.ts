import { modelKeys } from '@onqueue/shared'
import type { PredictionQueues, RedisStore } from '@onqueue/shared'

/** The backlog of a model: the rows of all its predictions that wait or run. */
export const readBacklogRows = async (
  { redis, namespace, queues }: RedisStore & { queues: PredictionQueues },
  model: string,
) => {
  const [counts, extraRows] = await Promise.all([
    queues.open(model).getJobCounts('waiting', 'prioritized', 'active', 'delayed'),
    redis.get(modelKeys(namespace, model).extraRows),
  ])
  const predictions = Object.values(counts).reduce((sum, count) => sum + count, 0)
  // the counter may be off after a crash, but rows are never fewer than predictions
  return predictions + Math.max(0, Number(extraRows ?? 0))
}
