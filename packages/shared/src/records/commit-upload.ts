import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/** Makes an upload a file of `bytes`, and corrects what it had reserved. Replies 0 where it was ended before. */
export const commitUpload = redisScript({
  name: 'commitUpload',
  keys: ['upload', 'uploads', 'usage', 'file', 'index', 'expiries'],
  args: ['id', 'about', 'bytes', 'createdAt', 'expiresAt'],
  reply: z.union([z.literal(0), z.literal(1)]),
  allowOom: true,
  lua: `
local reserved = redis.call('HGET', upload, 'bytes')
if not reserved then return 0 end
redis.call('HINCRBY', usage, 'bytes', string.format('%.0f', tonumber(bytes) - tonumber(reserved)))
redis.call('DEL', upload)
redis.call('ZREM', uploads, id)
redis.call('HSET', file, 'about', about)
redis.call('ZADD', index, createdAt, id)
redis.call('ZADD', expiries, expiresAt, id)
return 1`,
})
