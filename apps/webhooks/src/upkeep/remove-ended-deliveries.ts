import { redisScript } from '@onqueue/shared'
import { z } from 'zod'

/**
 * Removes deliveries of the sorted set `ended` that ended before or at `before` (ms), with all that belongs to them, the
 * oldest first and up to `maxAtOnce`. Replies how many.
 *
 * Its keys follow from the deliveries that it finds, so it gets their beginnings.
 *
 * It may run in a Redis that is full: it makes room in it.
 */
export const removeEndedDeliveries = redisScript({
  name: 'removeEndedDeliveries',
  keys: ['ended'],
  args: ['before', 'maxAtOnce', 'deliveryStart', 'bodyStart', 'indexStart', 'bytesStart'],
  reply: z.number(),
  allowOom: true,
  lua: `
local ids = redis.call('ZRANGEBYSCORE', ended, '-inf', before, 'LIMIT', 0, maxAtOnce)
for _, id in ipairs(ids) do
  local delivery, body = deliveryStart .. id, bodyStart .. id
  local about = redis.call('HGET', delivery, 'about')
  local owner = about and cjson.decode(about).owner
  if owner then
    redis.call('ZREM', indexStart .. owner, id)
    redis.call('DECRBY', bytesStart .. owner, redis.call('STRLEN', body))
  end
  redis.call('DEL', delivery, body)
  redis.call('ZREM', ended, id)
end
return #ids`,
})
