import { z } from 'zod'
import { chunkQueueName } from '../redis/names.ts'
import type { modelKeys } from '../redis/names.ts'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Removes the jobs whose ids begin with `start` from the queue of chunks: those of a batch that has ended, of which a worker that
 * takes them would do nothing, and where the model has no worker nobody would take them. What a worker has, by a lock, stays:
 * replies how many do.
 */
export const clearChunkJobs = redisScript({
  name: 'clearChunkJobs',
  keys: ['wait', 'active', 'prioritized', 'delayed', 'stalled'],
  args: ['start', 'jobOf'],
  reply: z.int(),
  // it makes room
  allowOom: true,
  lua: `
local kept = 0
local function removeOf(ids, take)
  for _, id in ipairs(ids) do
    if string.sub(id, 1, #start) == start then
      if redis.call('EXISTS', jobOf .. id .. ':lock') == 1 then
        kept = kept + 1
      else
        take(id)
        redis.call('SREM', stalled, id)
        redis.call('DEL', jobOf .. id, jobOf .. id .. ':logs')
      end
    end
  end
end
for _, list in ipairs({ wait, active }) do
  removeOf(redis.call('LRANGE', list, 0, -1), function(id) redis.call('LREM', list, 0, id) end)
end
for _, set in ipairs({ prioritized, delayed }) do
  removeOf(redis.call('ZRANGE', set, 0, -1), function(id) redis.call('ZREM', set, id) end)
end
return kept`,
})

/** The jobs of a batch, as the script takes them. */
export const jobsOf = ({ queue }: Pick<ReturnType<typeof modelKeys>, 'queue'>, id: string) => {
  const part = (name: string) => queue(name, chunkQueueName)
  return {
    keys: {
      wait: part('wait'),
      active: part('active'),
      prioritized: part('prioritized'),
      delayed: part('delayed'),
      stalled: part('stalled'),
    },
    args: { start: `${id}-`, jobOf: part('') },
  }
}
