import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Ends the upload of an id, or with an empty id up to `maxAtOnce` whose lease was over at `leaseEnd` (ms): gives back what they
 * have reserved, and names them in `removed` of their storage. Replies how many.
 *
 * Its keys follow from the uploads that it finds, so it gets their beginnings. It makes room, so it may run in a Redis that
 * is full.
 */
export const endUploads = redisScript({
  name: 'endUploads',
  keys: ['uploads'],
  args: ['id', 'leaseEnd', 'now', 'maxAtOnce', 'uploadStart', 'usageStart', 'removedStart'],
  reply: z.number(),
  allowOom: true,
  lua: `
local ids = { id }
if id == '' then ids = redis.call('ZRANGEBYSCORE', uploads, '-inf', leaseEnd, 'LIMIT', 0, maxAtOnce) end
local ended = 0
for _, one in ipairs(ids) do
  local upload = uploadStart .. one
  local owner, bytes, storage = unpack(redis.call('HMGET', upload, 'owner', 'bytes', 'storage'))
  if owner then
    redis.call('HINCRBY', usageStart .. owner, 'bytes', string.format('%.0f', 0 - tonumber(bytes)))
    redis.call('HINCRBY', usageStart .. owner, 'files', -1)
    redis.call('ZADD', removedStart .. storage, now, one)
    redis.call('DEL', upload)
    ended = ended + 1
  end
  redis.call('ZREM', uploads, one)
end
return ended`,
})
