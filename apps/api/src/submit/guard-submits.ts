import { endedOutcome, redisScript } from '@onqueue/shared'
import { z } from 'zod'

const lateOutcome = JSON.stringify(
  endedOutcome('canceled', {
    code: 'canceled',
    detail: 'the queue took it too late: its caller had been refused',
    now: 0,
  }),
)

/** Far longer than any prediction waits: the sweeper removes this outcome together with its job. */
const lateOutcomeTtlMs = 7 * 24 * 3_600_000

/** What the script is given of each submit: its keys and its arguments, in this order. */
const guardedKeys = 3
const guardedArgs = 5

/**
 * Lists predictions for their owners and counts their rows, right before their jobs are added. For each submit, behind the
 * keys of the model: its outcome, its owner's listing, its large input (empty where it has none); and behind `latestAt`: its
 * id, creation time, deadline (empty: none), rows beyond the first, and `keyed` or nothing.
 *
 * Run by Redis after `latestAt` (ms, on Redis' clock) it is late: then a submit without an idempotency key gets its outcome,
 * canceled, and nothing else.
 */
export const guardSubmits = redisScript({
  name: 'guardSubmits',
  keys: ['deadlines', 'extraRows'],
  args: ['latestAt'],
  reply: z.enum(['listed', 'late']),
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local isLate = now > tonumber(latestAt)

for i = 0, (#KEYS - keyCount) / ${guardedKeys} - 1 do
  local key, arg = keyCount + ${guardedKeys} * i, argCount + ${guardedArgs} * i
  local outcome, index, input = unpack(KEYS, key + 1, key + ${guardedKeys})
  local id, createdAt, deadline, rowsBeyondOne, keyed = unpack(ARGV, arg + 1, arg + ${guardedArgs})
  if isLate and keyed == '' then
    local text = string.gsub([[${lateOutcome}]], '"completedAt":0', string.format('"completedAt":%.0f', now))
    redis.call('SET', outcome, text, 'NX', 'PX', ${lateOutcomeTtlMs})
  else
    if redis.call('ZADD', index, createdAt, id) == 1 and rowsBeyondOne ~= '0' then
      redis.call('INCRBY', extraRows, rowsBeyondOne)
    end
    if deadline ~= '' then redis.call('ZADD', deadlines, deadline, id) end
    if input ~= '' then redis.call('PERSIST', input) end
  end
end
return isLate and 'late' or 'listed'`,
})
