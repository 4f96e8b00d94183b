import type { Redis } from 'ioredis'
import { modelKeys, queuePriority } from '@onqueue/shared'
import type { Backlog } from './card.ts'

export type ReadBacklog = (model: string) => Promise<Backlog>

/** Reads what waits in the queue of a model, at most twice a second a model. Rejects when Redis does. */
export const createBacklogReader = ({ redis, namespace }: { redis: Redis; namespace: string }): ReadBacklog =>
  rememberBriefly((model) => readBacklog(redis, namespace, model), { maxAgeMs: 500 })

/** Dashboards and scrapes may ask often: an answer is given again until it is `maxAgeMs` old; a failure is not. */
export const rememberBriefly = (
  read: ReadBacklog,
  { maxAgeMs, now = Date.now }: { maxAgeMs: number; now?: () => number },
): ReadBacklog => {
  const readings = new Map<string, { at: number; backlog: Promise<Backlog> }>()

  return (model) => {
    const known = readings.get(model)
    if (known && now() - known.at < maxAgeMs) return known.backlog
    const reading = { at: now(), backlog: read(model) }
    readings.set(model, reading)
    reading.backlog.catch(() => readings.get(model) === reading && readings.delete(model))
    return reading.backlog
  }
}

/**
 * BullMQ has counts, but not the age of the oldest: its `prioritized` set is ordered by priority and only then by time,
 * so the oldest is one of the first of each priority. A score is priority · 2³² + a counter (getPriorityScore.lua).
 */
const readBacklog = async (redis: Redis, namespace: string, model: string): Promise<Backlog> => {
  const { queue } = modelKeys(namespace, model)
  const [waiting, prioritized, delayed, oldestWaiting, ...oldestPrioritized] = await Promise.all([
    redis.llen(queue('wait')),
    redis.zcard(queue('prioritized')),
    redis.zcard(queue('delayed')),
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
    waiting: waiting + prioritized + delayed,
    oldestAgeSeconds: Number.isFinite(oldest) ? Math.max(0, Date.now() - oldest) / 1000 : null,
  }
}
