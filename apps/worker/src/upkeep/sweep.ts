import type { Redis } from 'ioredis'
import { modelKeys } from '@onqueue/shared'

/**
 * Removes finished predictions with all that belongs to them: job, outcome, input, listing and deadline entries, in one
 * step, so that a prediction is there whole or not at all. The owner is the job's name.
 *
 * KEYS[1] completed, KEYS[2] failed; ARGV: prefix of the model, prefix of the queue, now, then ids. All keys are in the
 * model's slot. Returns how many are out of the way: removed, or put at the end of the line because a webhook still needs
 * them. A failed one without an outcome is left for the janitor to end.
 */
const removeFinished = `
local handled = 0
for index = 4, #ARGV do
  local id = ARGV[index]
  local job = ARGV[2] .. id
  local undelivered = ARGV[1] .. ':undelivered'
  local needed = redis.call('ZMSCORE', undelivered, id, id .. ':start', id .. ':held')
  if needed[1] or needed[2] or needed[3] then
    redis.call('ZADD', KEYS[1], 'XX', ARGV[3], id)
    handled = handled + 1
  elseif redis.call('EXISTS', ARGV[1] .. ':outcome:' .. id) == 1 or not redis.call('ZSCORE', KEYS[2], id) then
    local owner = redis.call('HGET', job, 'name')
    if owner then redis.call('ZREM', ARGV[1] .. ':index:' .. owner, id) end
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
    redis.call('ZREM', ARGV[1] .. ':deadlines', id)
    redis.call('DEL', job, job .. ':logs', ARGV[1] .. ':outcome:' .. id, ARGV[1] .. ':input:' .. id)
    handled = handled + 1
  end
end
return handled`

/** Few enough that Redis is never busy with it for more than a millisecond or two. */
const atOnce = 200

export type Sweeper = {
  /** Removes up to 200 of the model's predictions that finished before `before` (ms), oldest first. Resolves to how many. */
  sweep(model: string, before: number): Promise<number>
  /** When the model's oldest finished prediction finished, in ms; null when there is none. */
  oldestFinishedAt(model: string): Promise<number | null>
}

export const createSweeper = ({
  redis,
  namespace,
  prefixOf,
}: {
  redis: Redis
  namespace: string
  prefixOf: (model: string) => string
}): Sweeper => ({
  sweep: async (model, before) => {
    const keys = modelKeys(namespace, model)
    const finished = [keys.queue('completed'), keys.queue('failed')] as const
    const ids = (
      await Promise.all(
        finished.map((key) => redis.zrangebyscore(key, '-inf', `(${before}`, 'LIMIT', 0, atOnce)),
      )
    ).flat()
    if (ids.length === 0) return 0
    const removed = await redis.eval(
      removeFinished,
      2,
      ...finished,
      prefixOf(model),
      keys.queue(''),
      Date.now(),
      ...ids.slice(0, atOnce),
    )
    return Number(removed)
  },
  oldestFinishedAt: async (model) => {
    const completed = modelKeys(namespace, model).queue('completed')
    const [oldest] = await redis.zrange(completed, '0', '0')
    const score = oldest === undefined ? null : await redis.zscore(completed, oldest)
    return score === null ? null : Number(score)
  },
})
