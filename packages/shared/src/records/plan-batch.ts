import { z } from 'zod'
import type { BatchChunk, BatchCursor } from '../contract/batch-record.ts'
import { redisScript } from '../redis/redis-script.ts'

/**
 * `headerBytes` is what the output begins with, and `rowMs` what a row was measured to take, by which chunks are cut: the first step
 * says so for the whole plan.
 */
export type PlanStep = {
  from: BatchCursor
  to: BatchCursor
  chunks: readonly BatchChunk[]
  isPlanned: boolean
  headerBytes: number
  rowMs: number
}

/**
 * Appends chunks to the plan of a batch and moves its cursor, if that is still where the planner began: one that was frozen and
 * wakes up changes nothing. Each chunk is given by its number, its JSON and its rows. Replies 0 where the batch has ended or is
 * gone, or another planner was there.
 */
export const planBatch = redisScript({
  name: 'planBatch',
  keys: ['batch', 'chunks'],
  args: ['from', 'cursor', 'isPlanned', 'headerBytes', 'rowMs', 'now'],
  reply: z.union([z.literal(0), z.literal(1)]),
  lua: `
local before = redis.call('HMGET', batch, 'about', 'end', 'cursor', 'planned')
if not before[1] or before[2] or before[4] then return 0 end
if (before[3] or '') ~= from then return 0 end
local rows = 0
for position = argCount + 1, #ARGV, 3 do
  local number, text, count = unpack(ARGV, position, position + 2)
  redis.call('HSET', chunks, number, text)
  rows = rows + tonumber(count)
end
redis.call('HINCRBY', batch, 'rows', rows)
redis.call('HINCRBY', batch, 'chunks', (#ARGV - argCount) / 3)
redis.call('HSET', batch, 'cursor', cursor)
if from == '' then
  redis.call('HSET', batch, 'headerBytes', headerBytes, 'rowMs', rowMs, 'startedAt', now,
    'pace', '[' .. now .. ',0,' .. now .. ',0]')
end
if isPlanned == '1' then redis.call('HSET', batch, 'planned', '1') end
return 1`,
})

/** A step as the script takes it; `now` is in ms. */
export const stepArgs = ({ from, to, chunks, isPlanned, headerBytes, rowMs }: PlanStep, now: number) => ({
  args: {
    from: from.chunk === 0 ? '' : JSON.stringify(from),
    cursor: JSON.stringify(to),
    isPlanned: isPlanned ? 1 : 0,
    headerBytes,
    rowMs,
    now,
  },
  moreArgs: chunks.flatMap((chunk, index) => [from.chunk + index, JSON.stringify(chunk), chunk.rows]),
})
