import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/** Removes a delivery with all that belongs to it, in a Redis that is full too. Replies 0 where there was none. */
export const discardDelivery = redisScript({
  name: 'discardDelivery',
  keys: ['delivery', 'body', 'schedule', 'index', 'delivered', 'failed', 'bytes'],
  args: ['id'],
  reply: z.union([z.literal(0), z.literal(1)]),
  allowOom: true,
  lua: `
redis.call('DECRBY', bytes, redis.call('STRLEN', body))
redis.call('ZREM', schedule, id)
redis.call('ZREM', index, id)
redis.call('ZREM', delivered, id)
redis.call('ZREM', failed, id)
redis.call('DEL', body)
return redis.call('DEL', delivery)`,
})
