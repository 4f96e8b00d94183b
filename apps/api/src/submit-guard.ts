import type { Redis } from 'ioredis'

/**
 * The script that runs right before a job is added, on the same connection and in the same write.
 *
 * It lists the prediction for its owner and counts its rows, and it judges whether the submit comes too late. A Redis
 * that hung runs what reached its socket when it wakes up, long after the caller was told that the queue is
 * unavailable. A submit that runs later than `latestAt` therefore gets its outcome, `canceled`, before its job exists,
 * so that the job is never run. A submit with an idempotency key passes `latestAt: null`: whoever retries it gets it.
 *
 * Replies `late`, or `listed`. Running twice for one id counts its rows once.
 */
export const submitGuardScript = `
local outcome, index, deadlines, extraRows, input = unpack(KEYS)
local id, createdAt, deadline, rowsBeyondOne, latestAt, lateOutcome, lateTtl = unpack(ARGV)

if latestAt ~= '' then
  local time = redis.call('TIME')
  if time[1] * 1000 + time[2] / 1000 > tonumber(latestAt) then
    redis.call('SET', outcome, lateOutcome, 'NX', 'PX', lateTtl)
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
