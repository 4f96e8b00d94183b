import { z } from 'zod'
import { modelKeys, packLua, redisScript } from '@onqueue/shared'
import type { RedisStore } from '@onqueue/shared'

/** How many predictions are counted, and how many bytes of them are read, in one step at the most. */
const maxCounted = 500
const maxBytes = 2 * 1024 * 1024

/**
 * Counts the waiting rows of a model again, and corrects their count where it is wrong; and the count
 * by which BullMQ keeps predictions of a priority in their order, where that was lost.
 *
 * A submit adds its weight right before its job, and an end takes it off right after its outcome, so that a count may be off
 * for a moment: it is wrong where it is off by the same twice. With more than `maxCounted` predictions nothing is counted
 * until there are fewer.
 */
export const createRowCorrection = ({
  redis,
  namespace,
  onRepaired,
}: RedisStore & { onRepaired: (kind: string) => void }) => {
  const countAgain = countRowsAgain.on(redis)
  const offBefore = new Map<string, number>()

  const correct = async (model: string) => {
    const { extraRows, queue, outcome, pack } = modelKeys(namespace, model)
    const off = await countAgain.run({
      keys: {
        extraRows,
        waiting: queue('wait'),
        active: queue('active'),
        delayed: queue('delayed'),
        prioritized: queue('prioritized'),
        counter: queue('pc'),
      },
      args: {
        offBefore: offBefore.get(model) ?? 0,
        jobOf: queue(''),
        outcomeOf: outcome(''),
        packOf: pack(''),
        maxCounted,
        maxBytes,
      },
    })
    if (off !== 0 && off === offBefore.get(model)) {
      onRepaired('rows')
      offBefore.delete(model)
    } else offBefore.set(model, off)
  }
  return {
    correct,
    /** For one that has no rows: what it was off by before does not count any more. */
    forget: (model: string) => void offBefore.delete(model),
  }
}

/**
 * Atomic, so that no submit comes between the look at the queue and the correction. Replies by how much the count is off,
 * and corrects it where that is `offBefore`; an empty queue has no rows, whatever it was off by before.
 */
const countRowsAgain = redisScript({
  name: 'countRowsAgain',
  keys: ['extraRows', 'waiting', 'active', 'delayed', 'prioritized', 'counter'],
  args: ['offBefore', 'jobOf', 'outcomeOf', 'packOf', 'maxCounted', 'maxBytes'],
  reply: z.int(),
  allowOom: true,
  lua: `
${packLua}
-- a score is priority * 2^32 + the count
local last = redis.call('ZRANGE', prioritized, -1, -1, 'WITHSCORES')[2]
if last then
  local newest = 0
  for priority = 0, math.floor(tonumber(last) / 0x100000000) do
    local found = redis.call('ZREVRANGEBYSCORE', prioritized, '(' .. string.format('%.0f', (priority + 1) * 0x100000000),
      string.format('%.0f', priority * 0x100000000), 'WITHSCORES', 'LIMIT', 0, 1)[2]
    if found then newest = math.max(newest, tonumber(found) - priority * 0x100000000) end
  end
  if tonumber(redis.call('GET', counter) or 0) % 0x100000000 < newest then redis.call('SET', counter, string.format('%.0f', newest)) end
end

local stored = redis.call('GET', extraRows)
local count = redis.call('LLEN', waiting) + redis.call('LLEN', active) + redis.call('ZCARD', delayed) + redis.call('ZCARD', prioritized)
if count == 0 then
  if stored then redis.call('DEL', extraRows) end
  return 0
end
if count > tonumber(maxCounted) then return 0 end

local rows, bytes = 0, 0
for _, ids in ipairs({redis.call('LRANGE', waiting, 0, -1), redis.call('LRANGE', active, 0, -1),
  redis.call('ZRANGE', delayed, 0, -1), redis.call('ZRANGE', prioritized, 0, -1)}) do
  for _, id in ipairs(ids) do
    local ofPack = numberOf(id) == '00' and redis.call('HGET', packOf .. id, 'rows')
    if ofPack then
      rows = rows + math.max(0, tonumber(ofPack) - 1)
    elseif redis.call('EXISTS', outcomeOf .. id) == 0 then
      local data = redis.call('HGET', jobOf .. id, 'data') or ''
      bytes = bytes + #data
      if bytes > tonumber(maxBytes) then return 0 end
      -- the last one: what the caller gave comes before it, or is text
      local length = tonumber(string.match(data, '.*"arrayLength":(%w+),"priority"') or '')
      if length then rows = rows + length - 1 end
    end
  end
end
local off = tonumber(stored or 0) - rows
if off ~= 0 and off == tonumber(offBefore) then redis.call('SET', extraRows, rows) end
return off`,
})
