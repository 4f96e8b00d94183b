import { endedOutcome } from '@onqueue/shared'
import type { Redis } from 'ioredis'

const lateOutcome = JSON.stringify(
  endedOutcome('canceled', {
    code: 'canceled',
    detail: 'the queue took it too late: its caller had been refused',
    now: 0,
  }),
)

/** Far longer than any prediction waits: the sweeper removes this outcome together with its job. */
const lateOutcomeTtlMs = 7 * 24 * 3_600_000

/**
 * The script that runs right before a job is added, on the same connection.
 *
 * It lists the prediction for its owner and counts its rows, and it judges whether the submit comes too late. A Redis
 * that hung runs what reached its socket when it wakes up, long after the caller was told that the queue is
 * unavailable. A submit that runs later than `latestAt` (ms, on Redis' clock) therefore gets its outcome, `canceled`,
 * before its job exists, so that the job is never run. A submit with an idempotency key has no `latestAt`: whoever
 * retries it finds it.
 *
 * Replies `late`, or `listed`. Running twice for one id counts its rows once.
 */
const submitGuardScript = `
local outcome, index, deadlines, extraRows, input = unpack(KEYS)
local id, createdAt, deadline, rowsBeyondOne, latestAt = unpack(ARGV)

if latestAt ~= '' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if now > tonumber(latestAt) then
    local text = string.gsub([[${lateOutcome}]], '"completedAt":0', string.format('"completedAt":%.0f', now))
    redis.call('SET', outcome, text, 'NX', 'PX', ${lateOutcomeTtlMs})
    return 'late'
  end
end
if redis.call('ZADD', index, createdAt, id) == 1 and rowsBeyondOne ~= '0' then
  redis.call('INCRBY', extraRows, rowsBeyondOne)
end
if deadline ~= '' then redis.call('ZADD', deadlines, deadline, id) end
if input then redis.call('PERSIST', input) end
return 'listed'
`

declare module 'ioredis' {
  // oxlint-disable-next-line no-unused-vars -- must repeat ioredis' own parameter to merge with it
  interface RedisCommander<Context> {
    guardSubmit(...args: (string | number)[]): Promise<unknown>
  }
}

/** Makes `redis.guardSubmit` known to a connection. */
export const defineSubmitGuard = (redis: Redis) =>
  redis.defineCommand('guardSubmit', { lua: submitGuardScript })
