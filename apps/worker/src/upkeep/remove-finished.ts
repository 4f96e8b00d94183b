import { z } from 'zod'
import { redisScript } from '@onqueue/shared'

/**
 * Removes finished predictions with all that belongs to them: job, outcome, input, listing and deadline entries, in one
 * step, so that a prediction is there whole or not at all. The owner is the job's name.
 *
 * `moreArgs` are the ids. `…Of` are the beginnings of keys, which end with an id or the owner; `startSuffix` and
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
  args: ['now', 'jobOf', 'outcomeOf', 'inputOf', 'indexOf', 'startSuffix', 'heldSuffix', 'logSuffix'],
  reply: z.int(),
  allowOom: true,
  lua: `
local handled = 0
for position = argCount + 1, #ARGV do
  local id = ARGV[position]
  local job = jobOf .. id
  local needed = redis.call('ZMSCORE', undelivered, id, id .. startSuffix, id .. heldSuffix)
  if needed[1] or needed[2] or needed[3] then
    redis.call('ZADD', completed, 'XX', now, id)
    handled = handled + 1
  elseif redis.call('EXISTS', outcomeOf .. id) == 1 or not redis.call('ZSCORE', failed, id) then
    local owner = redis.call('HGET', job, 'name')
    if owner then redis.call('ZREM', indexOf .. owner, id) end
    redis.call('ZREM', completed, id)
    redis.call('ZREM', failed, id)
    redis.call('ZREM', deadlines, id)
    redis.call('DEL', job, job .. logSuffix, outcomeOf .. id, inputOf .. id)
    handled = handled + 1
  end
end
return handled`,
})
