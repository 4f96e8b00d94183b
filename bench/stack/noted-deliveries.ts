import { deliveryKeys } from '@onqueue/shared'
import type { EmbeddedRedis } from './embedded-redis.ts'
import { pollUntil } from './poll-until.ts'
import { namespace } from './start-onqueue.ts'

const pollMs = 20
const patienceMs = 30_000

/** Counts the deliveries that OnQueue has noted as delivered. */
export const countDelivered = (redis: EmbeddedRedis) => redis.client.zcard(deliveryKeys(namespace).delivered)

/** Until OnQueue too knows that all have arrived: what it does for that is part of a delivery. */
export const untilDelivered = (redis: EmbeddedRedis, total: number) =>
  pollUntil(async () => (await countDelivered(redis)) >= total, {
    everyMs: pollMs,
    patienceMs,
    otherwise: 'deliveries arrived and were not noted as delivered',
  })
