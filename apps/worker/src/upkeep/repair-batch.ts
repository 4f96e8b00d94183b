import { redisScript } from '@onqueue/shared'
import { z } from 'zod'

/**
 * Looks at a batch for what Redis has lost of it, and puts it right. Replies what it had to do, a word each:
 *
 * | what is gone                                          | then                                               |
 * | ----------------------------------------------------- | -------------------------------------------------- |
 * | its record                                            | the rest of it is removed: `batch`; it is 404      |
 * | its place among those that go on, or that have ended  | it gets one: `batch-place`                         |
 * | its entry in its owner's listing                      | it is listed again: `batch-listing`                |
 *
 * What is gone of its plan makes it begin anew (restart-batch.ts). `indexStart` is the beginning of listings' keys.
 */
export const repairBatch = redisScript({
  name: 'repairBatch',
  keys: ['batch', 'chunks', 'done', 'active', 'ended'],
  args: ['id', 'now', 'indexStart'],
  reply: z.array(z.enum(['batch', 'batch-place', 'batch-listing'])),
  allowOom: true,
  lua: `
local record = redis.call('HMGET', batch, 'about', 'end')
if not record[1] then
  return redis.call('DEL', batch, chunks, done) > 0 and { 'batch' } or {}
end
local repaired = {}
local about = cjson.decode(record[1])
local createdAt = string.format('%.0f', about.createdAt)
local place, at = active, createdAt
if record[2] then place, at = ended, now end
if redis.call('ZADD', place, 'NX', at, id) == 1 then table.insert(repaired, 'batch-place') end
if redis.call('ZADD', indexStart .. about.owner, 'NX', createdAt, id) == 1 then table.insert(repaired, 'batch-listing') end
return repaired`,
})
