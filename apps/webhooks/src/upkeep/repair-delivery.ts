import { redisScript } from '@onqueue/shared'
import { z } from 'zod'

/**
 * Looks at a delivery for what Redis has lost of it, and puts it right; replies what it had to do, a word each: `schedule` (its
 * place there, or that of its endpoint among those to look at), `listing` (its entry, or that of its origin), `ended` (its
 * place among those to be swept).
 *
 * All that is done with deliveries is done in one step, so what a script finds missing was lost.
 */
export const repairDelivery = redisScript({
  name: 'repairDelivery',
  keys: ['delivery', 'schedule', 'endpoints', 'state', 'index', 'origins', 'delivered', 'failed'],
  args: ['id', 'endpoint', 'origin', 'createdAt', 'now'],
  reply: z.array(z.enum(['schedule', 'listing', 'ended'])),
  allowOom: true,
  lua: `
local status, nextAt, endedAt = unpack(redis.call('HMGET', delivery, 'status', 'nextAt', 'endedAt'))
if not status then return {} end
local repaired = {}

if status == 'pending' then
  if redis.call('ZADD', schedule, 'NX', nextAt or now, id) == 1 then table.insert(repaired, 'schedule') end
elseif redis.call('ZADD', status == 'delivered' and delivered or failed, 'NX', endedAt or now, id) == 1 then
  table.insert(repaired, 'ended')
end

local first = redis.call('ZRANGE', schedule, 0, 0, 'WITHSCORES')[2]
if first and redis.call('HEXISTS', state, 'pausedAt') == 0 and redis.call('ZADD', endpoints, 'NX', first, endpoint) == 1 then
  table.insert(repaired, 'schedule')
end

local isListed = redis.call('ZADD', index, 'NX', createdAt, id) == 0
-- of the origins the last thousand are kept
local isKnown = redis.call('ZCARD', origins) >= 1000 or redis.call('ZADD', origins, 'NX', createdAt, origin) == 0
if not isListed or not isKnown then table.insert(repaired, 'listing') end
return repaired`,
})

/** Counts the bytes of an owner's bodies again, and replies by how much the count was off. */
export const countBytesAgain = redisScript({
  name: 'countBytesAgain',
  keys: ['index', 'bytes'],
  args: ['bodyStart'],
  reply: z.int(),
  allowOom: true,
  lua: `
local sum = 0
for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do sum = sum + redis.call('STRLEN', bodyStart .. id) end
local off = tonumber(redis.call('GET', bytes) or 0) - sum
if off ~= 0 then redis.call('SET', bytes, sum) end
return off`,
})
