import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Notes that a chunk was scored; who comes second changes nothing. Replies 0 where it was noted before, or the chunk of the number has
 * other rows: it was one of a plan that Redis lost. The same where the batch is gone or has ended, of which its owner was told then.
 * What follows from the counts is for `endBatch`. Every `paceMs` a moment is noted from which the pace is told.
 */
export const finishChunk = redisScript({
  name: 'finishChunk',
  keys: ['batch', 'chunks', 'done'],
  args: ['number', 'text', 'firstRow', 'rows', 'failed', 'bytes', 'errorBytes', 'now', 'paceMs'],
  reply: z.union([z.literal(0), z.literal(1)]),
  // its work is done, or given up
  allowOom: true,
  lua: `
local planned = redis.call('HGET', chunks, number)
local record = redis.call('HMGET', batch, 'about', 'end')
if not planned or not record[1] or record[2] then return 0 end
local chunk = cjson.decode(planned)
if chunk.firstRow ~= tonumber(firstRow) or chunk.rows ~= tonumber(rows) then return 0 end
if redis.call('HSETNX', done, number, text) == 0 then return 0 end
local doneRows = redis.call('HINCRBY', batch, 'doneRows', rows)
redis.call('HINCRBY', batch, 'failedRows', failed)
redis.call('HINCRBY', batch, 'doneChunks', 1)
redis.call('HINCRBY', batch, 'bytes', bytes)
redis.call('HINCRBY', batch, 'errorBytes', errorBytes)
local pace = redis.call('HGET', batch, 'pace')
local _, _, youngerAt, youngerRows = string.find(pace or '', ',([^,]+),([^,]+)%]$')
if youngerAt and tonumber(now) - tonumber(youngerAt) > tonumber(paceMs) then
  redis.call('HSET', batch, 'pace', '[' .. youngerAt .. ',' .. youngerRows .. ',' .. now .. ',' .. doneRows .. ']')
end
return 1`,
})
