import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/** Makes the record of a batch, and tells of it. Replies 0 where there is one of the id. */
export const createBatch = redisScript({
  name: 'createBatch',
  keys: ['batch', 'active', 'index'],
  args: ['id', 'about', 'owner', 'digest', 'storage', 'createdAt', 'channel', 'model'],
  reply: z.union([z.literal(0), z.literal(1)]),
  lua: `
if redis.call('HSETNX', batch, 'about', about) == 0 then return 0 end
redis.call('HSET', batch, 'owner', owner, 'digest', digest, 'storage', storage)
redis.call('ZADD', active, createdAt, id)
redis.call('ZADD', index, createdAt, id)
redis.call('PUBLISH', channel, model)
return 1`,
})
