import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Has a batch begin anew if Redis lost its plan, or what is known of its chunks: they are not as many as were counted. Parts that are
 * there are written again, and get the same bytes: `rowMs` stays, by which it is cut into the same chunks. So what a worker that was
 * frozen meanwhile puts, or notes, is right. Replies 1 where it does.
 */
export const restartBatch = redisScript({
  name: 'restartBatch',
  keys: ['batch', 'chunks', 'done'],
  args: [],
  reply: z.union([z.literal(0), z.literal(1)]),
  lua: `
local record = redis.call('HMGET', batch, 'about', 'end', 'chunks', 'doneChunks')
if not record[1] or record[2] then return 0 end
local hasPlan = redis.call('HLEN', chunks) == tonumber(record[3] or 0)
if hasPlan and redis.call('HLEN', done) == tonumber(record[4] or 0) then return 0 end
redis.call('HDEL', batch, 'rows', 'doneRows', 'failedRows', 'chunks', 'doneChunks', 'bytes', 'errorBytes', 'cursor',
  'planned', 'headerBytes', 'footerBytes', 'firstOpen', 'pace', 'startedAt')
redis.call('DEL', chunks, done)
return 1`,
})
