import { redisScript } from '@onqueue/shared'
import { z } from 'zod'

/**
 * Removes jobs of chunks that are in no list any more, since Redis lost that: nobody would ever take them, and while they are there
 * adding one of the same id changes nothing. Who tends the batch adds those anew that are still to be done. One that a worker has, by a
 * lock, stays until that runs out. `moreArgs` are the ids of jobs; replies how many were removed.
 */
export const repairChunkJobs = redisScript({
  name: 'repairChunkJobs',
  keys: ['wait', 'active', 'prioritized', 'delayed'],
  args: ['jobOf'],
  reply: z.int(),
  allowOom: true,
  lua: `
local listed = {}
for _, list in ipairs({ wait, active }) do
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do listed[id] = true end
end
for _, set in ipairs({ prioritized, delayed }) do
  for _, id in ipairs(redis.call('ZRANGE', set, 0, -1)) do listed[id] = true end
end
local removed = 0
for position = argCount + 1, #ARGV do
  local id = ARGV[position]
  local job = jobOf .. id
  if not listed[id] and redis.call('EXISTS', job .. ':lock') == 0 then removed = removed + redis.call('DEL', job) end
end
return removed`,
})
