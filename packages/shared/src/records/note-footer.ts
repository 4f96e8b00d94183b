import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Notes that the parts of an output are there, and how long what it ends with is: nothing of it is missing any more. Changes nothing,
 * and replies 0, where chunks are not done (any more), so that one that was frozen meanwhile ends no batch that began anew.
 */
export const noteFooter = redisScript({
  name: 'noteFooter',
  keys: ['batch', 'done'],
  args: ['bytes'],
  reply: z.union([z.literal(0), z.literal(1)]),
  // its work is done
  allowOom: true,
  lua: `
local record = redis.call('HMGET', batch, 'about', 'end', 'planned', 'chunks')
if not record[1] or record[2] or not record[3] then return 0 end
if redis.call('HLEN', done) ~= tonumber(record[4] or 0) then return 0 end
redis.call('HSET', batch, 'footerBytes', bytes)
return 1`,
})
