import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Has an upload reserve `bytes` of its owner's limits, in place of what it has reserved, and renews its lease until `leaseEnd`
 * (ms). One that `isNew` (1) is one more file. Where it does not fit nothing changes.
 */
export const reserveUpload = redisScript({
  name: 'reserveUpload',
  keys: ['upload', 'uploads', 'usage'],
  args: ['id', 'owner', 'storage', 'bytes', 'leaseEnd', 'maxBytes', 'maxFiles', 'isNew'],
  reply: z.enum(['reserved', 'bytes-full', 'files-full', 'gone']),
  lua: `
local before = tonumber(redis.call('HGET', upload, 'bytes') or -1)
if before < 0 and isNew == '0' then return 'gone' end
local used = redis.call('HMGET', usage, 'bytes', 'files')
local more = tonumber(bytes) - math.max(before, 0)
if more > 0 and tonumber(used[1] or 0) + more > tonumber(maxBytes) then return 'bytes-full' end
if before < 0 then
  if tonumber(used[2] or 0) + 1 > tonumber(maxFiles) then return 'files-full' end
  redis.call('HINCRBY', usage, 'files', 1)
end
redis.call('HINCRBY', usage, 'bytes', string.format('%.0f', more))
redis.call('HSET', upload, 'owner', owner, 'storage', storage, 'bytes', bytes)
redis.call('ZADD', uploads, leaseEnd, id)
return 'reserved'`,
})
