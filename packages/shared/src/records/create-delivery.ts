import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Creates a delivery that is due now (ms), with its frozen body; replies 0, and changes nothing, where there is one. `origins`
 * keeps the owner's last thousand.
 *
 * It may run in a Redis that is full: what was created can be delivered, and then its prediction can go.
 */
export const createDelivery = redisScript({
  name: 'createDelivery',
  keys: ['delivery', 'body', 'schedule', 'endpoints', 'index', 'origins', 'bytes'],
  args: ['id', 'endpoint', 'origin', 'now', 'about', 'createdAt', 'text'],
  reply: z.union([z.literal(0), z.literal(1)]),
  allowOom: true,
  lua: `
if redis.call('EXISTS', delivery) == 1 then return 0 end
redis.call('HSET', delivery, 'about', about, 'status', 'pending', 'attempts', '[]', 'tries', 0, 'nextAt', now)
redis.call('SET', body, text)
redis.call('INCRBY', bytes, #text)
redis.call('ZADD', index, createdAt, id)
redis.call('ZADD', origins, now, origin)
redis.call('ZREMRANGEBYRANK', origins, 0, -1001)
redis.call('ZADD', schedule, now, id)
redis.call('ZADD', endpoints, 'LT', now, endpoint)
return 1`,
})
