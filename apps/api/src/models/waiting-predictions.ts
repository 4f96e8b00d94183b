import { countWaiting, modelKeys, queuePriority } from '@onqueue/shared'
import type { DatedStore } from '@onqueue/shared'

/** The predictions that wait for the workers of a model. `oldestAgeSeconds` is null when none does. */
export type WaitingPredictions = { count: number; oldestAgeSeconds: number | null }

export type ReadWaiting = (model: string) => Promise<WaitingPredictions>

/** Reads what waits in the queue of a model, at most twice a second a model. Rejects when Redis does. */
export const createWaitingReader = (store: DatedStore): ReadWaiting =>
  rememberBriefly((model) => readWaiting(store, model), { maxAgeMs: 500 })

/** Dashboards and scrapes may ask often: an answer is given again until it is `maxAgeMs` old; a failure is not. */
export const rememberBriefly = (
  read: ReadWaiting,
  { maxAgeMs, now = () => performance.now() }: { maxAgeMs: number; now?: () => number },
): ReadWaiting => {
  const readings = new Map<string, { at: number; waiting: Promise<WaitingPredictions> }>()

  return (model) => {
    const known = readings.get(model)
    if (known && now() - known.at < maxAgeMs) return known.waiting
    const reading = { at: now(), waiting: read(model) }
    readings.set(model, reading)
    reading.waiting.catch(() => readings.get(model) === reading && readings.delete(model))
    return reading.waiting
  }
}

/**
 * BullMQ has counts, but not the age of the oldest: its `prioritized` set is ordered by priority and only then by time,
 * so the oldest is one of the first of each priority. A score is priority · 2³² + a counter (getPriorityScore.lua).
 */
const readWaiting = async (
  { redis, namespace, clock }: DatedStore,
  model: string,
): Promise<WaitingPredictions> => {
  const { queue } = modelKeys(namespace, model)
  const [count, oldestWaiting, ...oldestPrioritized] = await Promise.all([
    countWaiting({ redis, namespace }, model),
    // the list is filled at its head and emptied at its end
    redis.lrange(queue('wait'), -1, -1),
    ...Object.values(queuePriority).map((priority) =>
      redis.zrangebyscore(
        queue('prioritized'),
        priority * 2 ** 32,
        `(${(priority + 1) * 2 ** 32}`,
        'LIMIT',
        0,
        1,
      ),
    ),
  ])
  const ids = [oldestWaiting, ...oldestPrioritized].flat()
  const times = await Promise.all(ids.map((id) => redis.hget(queue(id), 'timestamp')))
  const oldest = Math.min(...times.flatMap((time) => (time === null ? [] : [Number(time)])))
  return {
    count,
    oldestAgeSeconds: Number.isFinite(oldest) ? Math.max(0, clock() - oldest) / 1000 : null,
  }
}
