import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Removes the file of an id, or with an empty id up to `maxAtOnce` that had expired at `expiredAt` (ms): their records and
 * what they count for their owner; and names them in `removed` of their storage. What is in use stays, and is looked at again a minute later
 * where it has expired. Replies how many were removed, and how many stay for their use.
 *
 * Its keys follow from the files that it finds, so it gets their beginnings. It makes room, so it may run in a Redis that is
 * full.
 */
export const removeFiles = redisScript({
  name: 'removeFiles',
  keys: ['expiries'],
  args: [
    'id',
    'expiredAt',
    'now',
    'maxAtOnce',
    'fileStart',
    'usesStart',
    'indexStart',
    'usageStart',
    'removedStart',
  ],
  reply: z.tuple([z.number(), z.number()]).transform(([gone, held]) => ({ removed: gone, held })),
  allowOom: true,
  lua: `
local ids = { id }
if id == '' then ids = redis.call('ZRANGEBYSCORE', expiries, '-inf', expiredAt, 'LIMIT', 0, maxAtOnce) end
local gone, held = 0, 0
for _, one in ipairs(ids) do
  local file = fileStart .. one
  local text = redis.call('HGET', file, 'about')
  if text and redis.call('EXISTS', usesStart .. one) == 1 then
    held = held + 1
    if id == '' then redis.call('ZADD', expiries, now + 60000, one) end
  else
    if text then
      local about = cjson.decode(text)
      redis.call('HINCRBY', usageStart .. about.owner, 'bytes', string.format('%.0f', 0 - about.bytes))
      redis.call('HINCRBY', usageStart .. about.owner, 'files', -1)
      redis.call('ZREM', indexStart .. about.owner, one)
      redis.call('ZADD', removedStart .. about.storage, now, one)
      redis.call('DEL', file)
      gone = gone + 1
    end
    redis.call('ZREM', expiries, one)
  end
end
return { gone, held }`,
})
