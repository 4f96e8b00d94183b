import { z } from 'zod'
import { deliveryKeys, globalKeys, modelKeys } from '../redis/names.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { undeliveredMember } from './undelivered.ts'

/** How a prediction ended, ready to be written. */
export type PredictionEnd = {
  id: string
  /** the outcome as JSON */
  text: string
  rows: number
  /** a webhook is to tell of it */
  isDelivered: boolean
  /** the process that waits for it, where its submit said so */
  replyTo: string | undefined
  /** the pack that it came in */
  packId: string | undefined
}

/** Outcomes of more bytes are not part of a reply: what waits to be read by one who listens is memory of Redis. */
export const maxRepliedBytes = 16 * 1024
/** Longer outcomes of a pack are kept under keys of their own, so that reading a pack is quick. */
export const maxPackedBytes = 4096
/** Of one reply, behind which it carries no more outcomes. */
const maxReplyBytes = 1024 * 1024

/**
 * Writes outcomes of one model as one step, and resolves to what is stored of each where it had one already, in order.
 *
 * An outcome is written once (`SET NX GET`, in a pack `HSETNX`). Who comes first also takes the rows off the backlog and makes the
 * delivery due: a prediction can't end without, whoever dies where. In a pack that is gone nothing is written: the reply is then
 * empty. The step tells whoever waits: a *reply* with the outcomes that count
 * to the process that submitted, and a *notice* of the ids to all who listen for the model.
 */
export const createEndPredictions = ({ redis, namespace }: RedisStore) => {
  const script = endPredictions.on(redis)

  return async (model: string, ends: readonly PredictionEnd[]) => {
    const { extraRows, undelivered, outcome, pack, notices } = modelKeys(namespace, model)
    return script.run({
      keys: { extraRows, undelivered },
      args: { model, notices, deliveryNotices: deliveryKeys(namespace).notices },
      moreKeys: ends.flatMap(({ id, packId }) => [outcome(id), packId === undefined ? '' : pack(packId)]),
      moreArgs: ends.flatMap(({ id, text, rows, isDelivered, replyTo }) => [
        id,
        text,
        rows,
        isDelivered ? undeliveredMember.completed(id) : '',
        replyTo === undefined ? '' : globalKeys(namespace).replies(replyTo),
      ]),
    })
  }
}

/** What the script is given of each outcome: keys and arguments. */
const [endKeys, endArgs] = [2, 5]

const endPredictions = redisScript({
  name: 'endPredictions',
  keys: ['extraRows', 'undelivered'],
  args: ['model', 'notices', 'deliveryNotices'],
  reply: z.array(z.string().nullable()),
  lua: `
local storedBefore, ids, replies, replyBytes = {}, {}, {}, {}
local rowsOff, isDelivered, now = 0, false, nil
-- of each pack: whether it is there, and what ended of it
local packs = {}

-- the outcome that was there before, '' where the pack is gone, or nil where this one counts now
local function endOne(key, pack, id, text, rows)
  if pack == '' then
    local before = redis.call('SET', key, text, 'NX', 'GET')
    if not before then rowsOff = rowsOff + rows - 1 end
    return before or nil
  end
  packs[pack] = packs[pack] or { isThere = redis.call('EXISTS', pack) == 1, ended = 0, rows = 0 }
  local of, field, isLong = packs[pack], 'o' .. string.sub(id, -2), #text > ${maxPackedBytes}
  if not of.isThere then return '' end
  if redis.call('HSETNX', pack, field, isLong and '' or text) == 0 then
    local before = redis.call('HGET', pack, field)
    return before ~= '' and before or redis.call('GET', key) or ''
  end
  if isLong then
    redis.call('SET', key, text)
    redis.call('HSET', pack, 'long', 1)
  end
  of.ended, of.rows = of.ended + 1, of.rows + rows
end

for i = 1, (#KEYS - keyCount) / ${endKeys} do
  local arg = argCount + ${endArgs} * (i - 1)
  local id, text, rows, member, channel = unpack(ARGV, arg + 1, arg + ${endArgs})
  local before = endOne(KEYS[keyCount + ${endKeys} * i - 1], KEYS[keyCount + ${endKeys} * i], id, text, tonumber(rows))
  storedBefore[i] = before or false
  ids[i] = id
  if not before and member ~= '' then
    if not now then
      local time = redis.call('TIME')
      now = time[1] * 1000 + math.floor(time[2] / 1000)
    end
    redis.call('ZADD', undelivered, now, member)
    isDelivered = true
  end
  if channel ~= '' then
    local outcome = before or text
    local used = (replyBytes[channel] or 0) + #outcome
    if #outcome > ${maxRepliedBytes} or used > ${maxReplyBytes} then
      outcome = ''
    else
      replyBytes[channel] = used
    end
    replies[channel] = replies[channel] or {}
    table.insert(replies[channel], id .. ' ' .. outcome)
  end
end

-- a pack is one of the jobs that are counted beside the extra rows, until all of it has ended
for pack, of in pairs(packs) do
  if of.ended > 0 then
    redis.call('HINCRBY', pack, 'rows', -of.rows)
    local isOver = redis.call('HINCRBY', pack, 'left', -of.ended) == 0
    rowsOff = rowsOff + of.rows - (isOver and 1 or 0)
  end
end
if rowsOff > 0 then redis.call('DECRBY', extraRows, rowsOff) end
for channel, lines in pairs(replies) do redis.call('PUBLISH', channel, table.concat(lines, '\\n')) end
redis.call('PUBLISH', notices, table.concat(ids, ','))
if isDelivered then redis.call('PUBLISH', deliveryNotices, model) end
return storedBefore`,
})

/** The ids of a reply, and the outcomes as JSON; null where it carries none, so that it has to be read. */
export const readReply = (message: string) =>
  message.split('\n').map((line) => {
    const end = line.indexOf(' ')
    const text = line.slice(end + 1)
    return { id: line.slice(0, end), text: text === '' ? null : text }
  })
