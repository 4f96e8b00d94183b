import { redisScript } from '@onqueue/shared'
import { z } from 'zod'

/**
 * Notes what came of an attempt, and gives the lease back: `verdict` is `delivered`, `failed`, or `retry` at `retryAt` (ms).
 * Replies whether it was noted, and since when (ms) the endpoint has had nothing but failures, and how many.
 *
 * Only who holds the lease can say that an attempt failed; that it was delivered anybody can say, since it is true.
 *
 * It may run in a Redis that is full: delivering is what makes room in it.
 */
export const settleDelivery = redisScript({
  name: 'settleDelivery',
  keys: ['delivery', 'body', 'schedule', 'endpoints', 'state', 'delivered', 'failed', 'bytes'],
  args: ['id', 'endpoint', 'leaseUntil', 'now', 'verdict', 'retryAt', 'attempts', 'tries'],
  reply: z
    .tuple([z.union([z.literal(0), z.literal(1)]), z.string().nullable(), z.string().nullable()])
    .transform(([isNoted, failingSince, failures]) => ({
      isNoted: isNoted === 1,
      failingSince: failingSince === null ? null : Number(failingSince),
      failures: Number(failures ?? 0),
    })),
  allowOom: true,
  lua: `
local lease = redis.call('ZSCORE', schedule, id)
local isMine = lease and tonumber(lease) == tonumber(leaseUntil)
local status = redis.call('HGET', delivery, 'status')
if not status or status == 'delivered' or (verdict ~= 'delivered' and not isMine) then
  return {0, unpack(redis.call('HMGET', state, 'failingSince', 'failures'))}
end

redis.call('HSET', delivery, 'attempts', attempts, 'tries', tries)
if verdict == 'retry' then
  redis.call('HSET', delivery, 'nextAt', retryAt)
  redis.call('ZADD', schedule, retryAt, id)
else
  redis.call('HSET', delivery, 'status', verdict, 'endedAt', now)
  redis.call('HDEL', delivery, 'nextAt')
  redis.call('ZREM', schedule, id)
  redis.call('ZREM', failed, id)
  redis.call('ZADD', verdict == 'delivered' and delivered or failed, now, id)
end
if verdict == 'delivered' then
  redis.call('DECRBY', bytes, redis.call('STRLEN', body))
  redis.call('DEL', body)
  redis.call('HDEL', state, 'failingSince', 'failures')
else
  redis.call('HSETNX', state, 'failingSince', now)
  redis.call('HINCRBY', state, 'failures', 1)
end

local first = redis.call('ZRANGE', schedule, 0, 0, 'WITHSCORES')[2]
if first and redis.call('HEXISTS', state, 'pausedAt') == 0 then redis.call('ZADD', endpoints, first, endpoint)
else redis.call('ZREM', endpoints, endpoint) end
return {1, unpack(redis.call('HMGET', state, 'failingSince', 'failures'))}`,
})
