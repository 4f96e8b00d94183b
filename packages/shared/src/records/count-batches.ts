import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/**
 * A function for scripts: how many batches an owner has that have not ended. They are counted each time, so that the number can't
 * drift from what there is, however a batch ended or was lost. Their keys follow from the ids, so it gets their beginning.
 */
export const countBatchesLua = `
local function countBatches(active, batchStart, owner)
  local count = 0
  for _, id in ipairs(redis.call('ZRANGE', active, 0, -1)) do
    if redis.call('HGET', batchStart .. id, 'owner') == owner then count = count + 1 end
  end
  return count
end`

/** The same as a script. */
export const countBatches = redisScript({
  name: 'countBatches',
  keys: ['active'],
  args: ['owner', 'batchStart'],
  reply: z.int(),
  lua: `${countBatchesLua}
return countBatches(active, batchStart, owner)`,
})
