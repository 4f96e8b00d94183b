import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Makes a delivery due now (ms), from the start of the schedule; one that is pending keeps its place in the schedule. One
 * that was delivered, or has lost its body, needs `text`; empty is none.
 */
export const redeliverDelivery = redisScript({
  name: 'redeliver',
  keys: ['delivery', 'body', 'schedule', 'endpoints', 'delivered', 'failed', 'bytes'],
  args: ['id', 'endpoint', 'now', 'text'],
  reply: z.enum(['due', 'not-found', 'body-needed']),
  lua: `
local status = redis.call('HGET', delivery, 'status')
if not status then return 'not-found' end
if status ~= 'pending' and text == '' and redis.call('EXISTS', body) == 0 then return 'body-needed' end
if status ~= 'pending' then
  if text ~= '' then
    local before = redis.call('STRLEN', body)
    redis.call('SET', body, text)
    redis.call('INCRBY', bytes, #text - before)
  end
  redis.call('HSET', delivery, 'status', 'pending', 'tries', 0)
  redis.call('HDEL', delivery, 'endedAt')
  redis.call('ZREM', delivered, id)
  redis.call('ZREM', failed, id)
end
redis.call('HSET', delivery, 'nextAt', now)
redis.call('ZADD', schedule, now, id)
redis.call('ZADD', endpoints, 'LT', now, endpoint)
return 'due'`,
})
