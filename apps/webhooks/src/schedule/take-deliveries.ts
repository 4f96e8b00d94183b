import { redisScript } from '@onqueue/shared'
import { z } from 'zod'

/**
 * Leases what is due now (ms) until `leaseUntil`: of each endpoint as many as it has room, oldest first. An endpoint is
 * then looked at again when its next delivery is due, but not before its `lookAt`; one that is paused, or has nothing
 * left, goes off the list. Replies with pairs of an endpoint and a delivery's id.
 *
 * For each endpoint there are in moreKeys its schedule and its state, in moreArgs the endpoint, its room and its `lookAt`.
 *
 * It may run in a Redis that is full: delivering is what makes room in it.
 */
export const takeDeliveries = redisScript({
  name: 'takeDeliveries',
  keys: ['endpoints'],
  args: ['now', 'leaseUntil'],
  reply: z.array(z.tuple([z.string(), z.string()])),
  allowOom: true,
  lua: `
local taken = {}
for n = 0, (#KEYS - keyCount) / 2 - 1 do
  local schedule, state = unpack(KEYS, keyCount + 2 * n + 1, keyCount + 2 * n + 2)
  local endpoint, room, lookAt = unpack(ARGV, argCount + 3 * n + 1, argCount + 3 * n + 3)
  local isPaused = redis.call('HEXISTS', state, 'pausedAt') == 1
  if tonumber(room) > 0 and not isPaused then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', schedule, '-inf', now, 'LIMIT', 0, room)) do
      redis.call('ZADD', schedule, leaseUntil, id)
      table.insert(taken, {endpoint, id})
    end
  end
  local first = redis.call('ZRANGE', schedule, 0, 0, 'WITHSCORES')[2]
  if isPaused or not first then redis.call('ZREM', endpoints, endpoint)
  else redis.call('ZADD', endpoints, math.max(tonumber(first), tonumber(lookAt)), endpoint) end
end
return taken`,
})
