import { z } from 'zod'
import { packLua, redisScript } from '@onqueue/shared'

/**
 * Removes finished predictions with all that belongs to them: job, outcome, input, listing and deadline entries, in one
 * step, so that a prediction is there whole or not at all; a pack when nothing needs any of it. The owner is the job's name.
 *
 * `moreArgs` are the ids of the jobs. `…Of` are the beginnings of keys, which end with an id or the owner; `startSuffix` and
 * `heldSuffix` are the ends of members of `undelivered`. All keys are in the model's slot.
 *
 * Replies how many are out of the way: removed, or put at the end of the line (`now`) because a webhook still needs them. A
 * failed one without an outcome is left for the janitor to end.
 *
 * It is what makes room in a Redis that is full, where putting one at the end of the line would be refused, and with it the
 * removal of those behind it.
 */
export const removeFinished = redisScript({
  name: 'removeFinished',
  keys: ['completed', 'failed', 'undelivered', 'deadlines'],
  args: [
    'now',
    'jobOf',
    'outcomeOf',
    'inputOf',
    'packOf',
    'indexOf',
    'startSuffix',
    'heldSuffix',
    'logSuffix',
  ],
  reply: z.int(),
  allowOom: true,
  lua: `
${packLua}

local function isNeeded(id)
  local needed = redis.call('ZMSCORE', undelivered, id, id .. startSuffix, id .. heldSuffix)
  return needed[1] or needed[2] or needed[3]
end

local function remove(id)
  local job = jobOf .. id
  local owner = redis.call('HGET', job, 'name')
  if owner then redis.call('ZREM', indexOf .. owner, id) end
  redis.call('ZREM', completed, id)
  redis.call('ZREM', failed, id)
  redis.call('ZREM', deadlines, id)
  redis.call('DEL', job, job .. logSuffix, outcomeOf .. id, inputOf .. id)
end

local function membersNeeded(id, count)
  for number = 1, count do
    if isNeeded(memberOf(id, number)) then return true end
  end
end
-- what a pack has beside its job
local function removeMembers(id, count, isLong, isDue)
  for number = 1, count do
    if isLong then redis.call('DEL', outcomeOf .. memberOf(id, number)) end
    if isDue then redis.call('ZREM', deadlines, memberOf(id, number)) end
  end
  redis.call('UNLINK', packOf .. id)
end

local handled = 0
for position = argCount + 1, #ARGV do
  local id = ARGV[position]
  local pack = { false }
  if numberOf(id) == '00' then pack = redis.call('HMGET', packOf .. id, 'n', 'left', 'told', 'long', 'due') end
  local count, left, isTold, isLong, isDue = unpack(pack, 1, 5)
  local isFinal = count and left == '0' or not count and redis.call('EXISTS', outcomeOf .. id) == 1
  local needed
  if count then needed = isTold and membersNeeded(id, tonumber(count)) else needed = isNeeded(id) end
  if needed then
    redis.call('ZADD', completed, 'XX', now, id)
    handled = handled + 1
  elseif isFinal or not redis.call('ZSCORE', failed, id) then
    if count then removeMembers(id, tonumber(count), isLong, isDue) end
    remove(id)
    handled = handled + 1
  end
end
return handled`,
})
