import { z } from 'zod'
import type { BatchAbout } from '../contract/batch-record.ts'
import { redisScript } from '../redis/redis-script.ts'

/**
 * Ends a batch as it is told to, unless it has ended: it is written once, by whoever comes first, and what is due at the end is
 * due in the same step. Replies the end that counts; empty where the batch is gone.
 *
 * With an empty `text` it ends only if its counts say so: all that was planned is done, Redis has lost nothing of that, and its parts were
 * looked at; or more rows failed than may.
 */
export const endBatch = redisScript({
  name: 'endBatch',
  keys: ['batch', 'done', 'active', 'ended', 'undelivered'],
  args: [
    'id',
    'text',
    'completedText',
    'failedText',
    'maxFailedRows',
    'now',
    'isTold',
    'channel',
    'deliveryNotices',
    'model',
  ],
  reply: z.string(),
  // its work is done, or given up
  allowOom: true,
  lua: `
local record = redis.call('HMGET', batch, 'about', 'end', 'planned', 'chunks', 'doneChunks', 'failedRows', 'footerBytes')
if not record[1] then return '' end
if record[2] then return record[2] end
local finish = text
if finish == '' then
  if maxFailedRows ~= '' and tonumber(record[6] or 0) > tonumber(maxFailedRows) then
    finish = failedText
  elseif record[3] and record[7] and tonumber(record[4] or 0) == tonumber(record[5] or 0)
    and redis.call('HLEN', done) == tonumber(record[4] or 0) then
    finish = completedText
  else
    return ''
  end
end
redis.call('HSET', batch, 'end', finish)
redis.call('ZREM', active, id)
redis.call('ZADD', ended, now, id)
redis.call('PUBLISH', channel, model)
if isTold == '1' then
  redis.call('ZADD', undelivered, now, id)
  redis.call('PUBLISH', deliveryNotices, model)
end
return finish`,
})

/** Why a batch fails that has more failed rows than it may. */
export const tooManyFailed = ({ maxFailedRows }: BatchAbout) => ({
  code: 'too_many_failed_rows' as const,
  detail: `more than ${maxFailedRows} rows failed, which is what max_failed_rows allows; the errors file tells of them`,
})
