import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'
import { countBatchesLua } from './count-batches.ts'

/**
 * Makes the record of a batch, and tells of it. `known` where there is one of the id, and `full` where its owner has `maxActive`
 * that have not ended; an empty `maxActive` is no bound.
 */
export const createBatch = redisScript({
  name: 'createBatch',
  keys: ['batch', 'active', 'index'],
  args: [
    'id',
    'about',
    'owner',
    'digest',
    'storage',
    'createdAt',
    'channel',
    'model',
    'maxActive',
    'batchStart',
  ],
  reply: z.enum(['made', 'known', 'full']),
  lua: `${countBatchesLua}
if redis.call('HEXISTS', batch, 'about') == 1 then return 'known' end
if maxActive ~= '' and countBatches(active, batchStart, owner) >= tonumber(maxActive) then return 'full' end
redis.call('HSET', batch, 'about', about, 'owner', owner, 'digest', digest, 'storage', storage)
redis.call('ZADD', active, createdAt, id)
redis.call('ZADD', index, createdAt, id)
redis.call('PUBLISH', channel, model)
return 'made'`,
})
