import { z } from 'zod'
import { packLua, redisScript } from '@onqueue/shared'

/**
 * Looks at predictions and packs (`moreArgs`: their ids) for what Redis has lost of them, and puts it right, from what is left. Replies
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
 * Of a pack the same is looked for, its outcomes and all that it has of its predictions being one key: where that is gone, and the
 * job is not waiting to be taken, the rest is removed. A pack that came late never had one.
 *
 * One that a worker has (its lock is there) is left alone but for the last two. BullMQ moves a job from one place to the next
 * in one step, so a script that finds none knows that it was lost. `…Of` are the beginnings of keys.
 */
export const repairPredictions = redisScript({
  name: 'repairPredictions',
  keys: ['wait', 'active', 'prioritized', 'delayed', 'completed', 'failed', 'deadlines', 'counter', 'marker'],
  args: ['now', 'jobOf', 'outcomeOf', 'inputOf', 'packOf', 'indexOf', 'orphanTtlMs'],
  reply: z.array(z.enum(['record', 'outcome', 'place', 'listing', 'deadline'])),
  allowOom: true,
  lua: `
${packLua}
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
  for _, key in ipairs({outcomeOf .. id, inputOf .. id, packOf .. id}) do
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

-- of what a prediction's job says there is a request, and of what a pack's does there is none
local function isPackJob(id)
  if numberOf(id) ~= '00' then return false end
  local data = redis.call('HGET', jobOf .. id, 'data') or ''
  return string.find(data, '"pack":', 1, true) and not string.find(data, '"requestId":', 1, true)
end

-- an outcome that was long, and of which nothing is left: the prediction is 404
local function forgetOutcomesLost(pack, id, count)
  for number = 1, count do
    local member = memberOf(id, number)
    local field = numberOf(member)
    if redis.call('HGET', pack, 'o' .. field) == '' and redis.call('EXISTS', outcomeOf .. member) == 0
      and redis.call('HDEL', pack, 'j' .. field, 'i' .. field) > 0 then
      redis.call('HINCRBY', pack, 'kept', -1)
      table.insert(repaired, 'outcome')
    end
  end
end

local function noteDeadlines(pack, id, count)
  for number = 1, count do
    local member = memberOf(id, number)
    local asked, outcome = unpack(redis.call('HMGET', pack, 'j' .. numberOf(member), 'o' .. numberOf(member)))
    local deadline = asked and not outcome and tonumber(string.match(asked, '^{"deadline":([%d.]+)') or '')
    if deadline and redis.call('ZADD', deadlines, 'NX', string.format('%.0f', deadline), member) == 1 then
      table.insert(repaired, 'deadline')
    end
  end
end

local function repairPack(id, owner, createdAt, priority)
  local pack, job = packOf .. id, jobOf .. id
  local count, left, kept, isDue, isLong = unpack(redis.call('HMGET', pack, 'n', 'left', 'kept', 'due', 'long'))
  local isHeld = redis.call('EXISTS', job .. ':lock') == 1
  if not count then
    if redis.call('ZSCORE', completed, id) then
      redis.call('DEL', job)
      redis.call('ZREM', completed, id)
      if redis.call('ZREM', indexOf .. owner, id) == 1 then table.insert(repaired, 'outcome') end
    end
    return
  end
  -- a release that reads no packs gave up on it, and took it for ended
  if left ~= '0' then redis.call('ZREM', completed, id) end
  if not isHeld and not isPlaced(id) then
    if left == '0' then redis.call('ZADD', completed, now, id) else queueAgain(id, tonumber(priority or 0)) end
    table.insert(repaired, 'place')
  end
  if isLong then forgetOutcomesLost(pack, id, tonumber(count)) end
  if tonumber(kept) > 0 and redis.call('ZADD', indexOf .. owner, 'NX', createdAt, id) == 1 then
    table.insert(repaired, 'listing')
  end
  if isDue and left ~= '0' then noteDeadlines(pack, id, tonumber(count)) end
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
  if not owner then
    if not packWith(id) then forgetRest(id) end
  elseif isPackJob(id) then repairPack(id, owner, createdAt, priority)
  else repair(id, owner, createdAt, priority) end
end
return repaired`,
})
