import { modelKeys } from '@onqueue/shared'
import type { ModelEntry, QueueLine, QueuePlace, RedisStore } from '@onqueue/shared'
import { secondsUntilDone } from '../models/drain-rate.ts'

/** Where a queued prediction that is a job by itself stands, or where a pack does; undefined where it isn't in line (any more). */
export const readQueuePlace = async (
  { redis, namespace }: RedisStore,
  { id, model, entry }: { id: string; model: string; entry: ModelEntry | undefined },
): Promise<QueuePlace | undefined> => {
  const { queue, extraRows } = modelKeys(namespace, model)
  const [rank, waiting, inHand, extra] = await Promise.all([
    redis.zrank(queue('prioritized'), id),
    redis.zcard(queue('prioritized')),
    redis.llen(queue('active')),
    redis.get(extraRows),
  ])
  if (rank === null) return undefined
  return placeIn({ rank, before: rank, waiting, inHand, extraRows: Math.max(0, Number(extra ?? 0)) }, entry)
}

/**
 * Before a prediction are the jobs of its queue that are served sooner, and those that workers have in hand. They are taken to
 * have as many rows each as the mean of all that wait.
 */
export const placeIn = (
  { rank, before, waiting, inHand, extraRows }: QueueLine,
  entry: ModelEntry | undefined,
): QueuePlace => {
  const rowsEach = 1 + extraRows / Math.max(1, waiting + inHand)
  const seconds = entry ? secondsUntilDone((rank + 1 + inHand) * rowsEach, entry) : null
  return { position: before + 1, etaSeconds: seconds === null ? null : Math.ceil(seconds) }
}
