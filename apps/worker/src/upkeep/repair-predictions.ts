import { z } from 'zod'
import { redisScript } from '@onqueue/shared'

/**
 * Looks at predictions (`moreArgs`: their ids) for what Redis has lost of them, and puts it right, from what is left. Replies
 * what it had to do, a word each:
 *
 * | what is gone                          | then                                                                     |
 * | ------------------------------------- | ------------------------------------------------------------------------ |
 * | the record (the job)                  | outcome and input expire after `orphanTtlMs`: `record`; it is 404         |
 * | its outcome, after it was written     | the rest is removed: `outcome`; it is 404                                 |
 * | its place in the queue, not final     | it waits again, as the last of its priority: `place`                      |
 * | its place among what is finished      | it gets one, so that it is swept in its time: `place`                     |
 * | its entry in its owner's listing      | it is listed again: `listing`                                             |
 * | its deadline                          | it is noted again: `deadline`                                             |
 *
 * One that a worker has (its lock is there) is left alone but for the last two. BullMQ moves a job from one place to the next
 * in one step, so a script that finds none knows that it was lost. `…Of` are the beginnings of keys.
 */
export const repairPredictions = redisScript({
  name: 'repairPredictions',
  keys: ['wait', 'active', 'prioritized', 'delayed', 'completed', 'failed', 'deadlines', 'counter', 'marker'],
  args: ['now', 'jobOf', 'outcomeOf', 'inputOf', 'indexOf', 'orphanTtlMs'],
  reply: z.array(z.enum(['record', 'outcome', 'place', 'listing', 'deadline'])),
  allowOom: true,
  lua: `
local repaired = {}

local function isPlaced(id)
  return redis.call('ZSCORE', prioritized, id) or redis.call('ZSCORE', completed, id) or redis.call('ZSCORE', delayed, id)
    or redis.call('ZSCORE', failed, id) or redis.call('LPOS', active, id) or redis.call('LPOS', wait, id)
end

local function queueAgain(id, priority)
  if priority == 0 then
    redis.call('LPUSH', wait, id)
  else
    redis.call('ZADD', prioritized, priority * 0x100000000 + redis.call('INCR', counter) % 0x100000000, id)
  end
  redis.call('ZADD', marker, 0, '0')
end

local function forgetRest(id)
  local isRest = false
  for _, key in ipairs({outcomeOf .. id, inputOf .. id}) do
    if redis.call('PTTL', key) == -1 then
      redis.call('PEXPIRE', key, orphanTtlMs)
      isRest = true
    end
  end
  local job = jobOf .. id
  if redis.call('EXISTS', job) == 1 and redis.call('EXISTS', job .. ':lock') == 0 and not isPlaced(id) then
    redis.call('DEL', job)
    isRest = true
  end
  if isRest then table.insert(repaired, 'record') end
end

local function repair(id, owner, createdAt, priority)
  local job = jobOf .. id
  local isFinal = redis.call('EXISTS', outcomeOf .. id) == 1
  -- a job completes after its outcome was written
  if not isFinal and redis.call('ZSCORE', completed, id) then
    redis.call('DEL', job, inputOf .. id)
    redis.call('ZREM', completed, id)
    redis.call('ZREM', deadlines, id)
    redis.call('ZREM', indexOf .. owner, id)
    table.insert(repaired, 'outcome')
    return
  end
  if redis.call('EXISTS', job .. ':lock') == 0 and not isPlaced(id) then
    if isFinal then redis.call('ZADD', completed, now, id) else queueAgain(id, tonumber(priority or 0)) end
    table.insert(repaired, 'place')
  end
  if not isFinal then redis.call('PERSIST', inputOf .. id) end

  local isListed = redis.call('ZSCORE', indexOf .. owner, id)
  if isListed and isFinal then return end
  local data = redis.call('HGET', job, 'data')
  -- deleted by its owner, who must not find it again
  if not data or string.find(data, '"owner":""', 1, true) then return end
  if not isListed and redis.call('ZADD', indexOf .. owner, 'NX', createdAt, id) == 1 then
    table.insert(repaired, 'listing')
  end
  -- the last one: what the caller gave comes before it, or is text
  local deadline = tonumber(string.match(data, '.*"deadline":([%w.]+),"createdAt"') or '')
  if deadline and not isFinal and redis.call('ZADD', deadlines, 'NX', string.format('%.0f', deadline), id) == 1 then
    table.insert(repaired, 'deadline')
  end
end

for position = argCount + 1, #ARGV do
  local id = ARGV[position]
  local owner, createdAt, priority = unpack(redis.call('HMGET', jobOf .. id, 'name', 'timestamp', 'priority'))
  if owner then repair(id, owner, createdAt, priority) else forgetRest(id) end
end
return repaired`,
})
