import { deliveryKeys } from '@onqueue/shared'
import type { DatedStore } from '@onqueue/shared'

/**
 * How many endpoints have deliveries that wait for an attempt, and how long the most overdue one has waited to be looked at
 * (0 when none is overdue). Throws while Redis is away, as a consumer's commands wait for it for ever, and a scrape can't.
 */
export const readWaitingEndpoints = async ({ redis, namespace, clock }: DatedStore) => {
  if (redis.status !== 'ready') throw new Error('Redis does not answer')
  const { endpoints } = deliveryKeys(namespace)
  const [count, [, dueAt]] = await Promise.all([
    redis.zcard(endpoints),
    redis.zrange(endpoints, '0', '0', 'WITHSCORES'),
  ])
  const overdueMs = dueAt === undefined ? 0 : Math.max(0, clock() - Number(dueAt))
  return { endpoints: count, overdueSeconds: overdueMs / 1000 }
}
