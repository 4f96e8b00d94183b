import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Has chunks be scored again of which the parts are gone, unless the batch has ended: nothing of them counts any more. Replies how
 * many it has.
 */
export const reopenChunks = redisScript({
  name: 'reopenChunks',
  keys: ['batch', 'done'],
  args: [],
  reply: z.int(),
  lua: `
local record = redis.call('HMGET', batch, 'about', 'end', 'firstOpen')
if not record[1] or record[2] then return 0 end
local firstOpen, reopened = tonumber(record[3] or 0), 0
for position = argCount + 1, #ARGV do
  local number = ARGV[position]
  local text = redis.call('HGET', done, number)
  if text then
    local chunk = cjson.decode(text)
    redis.call('HDEL', done, number)
    redis.call('HINCRBY', batch, 'doneChunks', -1)
    redis.call('HINCRBY', batch, 'doneRows', 0 - chunk.rows)
    redis.call('HINCRBY', batch, 'failedRows', 0 - chunk.failed)
    redis.call('HINCRBY', batch, 'bytes', 0 - chunk.bytes)
    redis.call('HINCRBY', batch, 'errorBytes', 0 - chunk.errorBytes)
    firstOpen = math.min(firstOpen, tonumber(number))
    reopened = reopened + 1
  end
end
if reopened > 0 then
  redis.call('HSET', batch, 'firstOpen', firstOpen)
  redis.call('HDEL', batch, 'footerBytes')
end
return reopened`,
})
