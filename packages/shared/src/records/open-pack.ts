import { Job } from 'bullmq'
import { z } from 'zod'
import { packMemberText } from '../contract/pack.ts'
import type { PackJobData } from '../contract/pack.ts'
import { rowsOf } from '../contract/prediction-job.ts'
import type { PredictionJobData } from '../contract/prediction-job.ts'
import { modelKeys } from '../redis/names.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { runPipeline } from '../redis/run-pipeline.ts'
import { jobOptions } from './prediction-queue.ts'
import type { PredictionQueue } from './prediction-queue.ts'

/** A prediction that goes into a pack. */
export type NewMember = {
  id: string
  job: PredictionJobData
  /** as JSON */
  inputText: string
  /** what its idempotency key is kept as; without one undefined */
  claim?: NewClaim | undefined
}

/** A key of a prediction: who comes with it later is sent to that one. */
export type NewClaim = { key: string; text: string; ttlMs: number }

/** What became of a pack; `leftOut` are the predictions that are not in it, since their keys were taken already. */
export type OpenedPack = { isLate: true } | { isLate: false; leftOut: string[] }

/**
 * Adds a pack and its job as one step: none is there without the other. The predictions have in common what `packJobSchema` says.
 *
 * Run by Redis after `latestAt` (ms, on Redis' clock) it is late: then there is no pack, and a worker that takes the job finds
 * nothing to run. A prediction with an idempotency key takes that in the same step; where another has it, it is left out.
 */
export const createOpenPack = ({ redis, namespace }: RedisStore) => {
  const script = openPack.on(redis)

  return async (
    queue: PredictionQueue,
    {
      packId,
      members,
      attempts,
    }: { packId: string; members: readonly [NewMember, ...NewMember[]]; attempts: number },
    latestAt: number,
  ): Promise<OpenedPack> => {
    const [first] = members
    const { model, owner, createdAt } = first.job
    const keys = modelKeys(namespace, model)
    const job = new Job(queue, owner, packJobOf(members), jobOptions(packId, first.job, attempts), packId)
    const client = await queue.getBackend().client
    const transaction = client.multi()
    await job.addJob(transaction)
    script.addTo(transaction, {
      keys: {
        job: keys.queue(packId),
        pack: keys.pack(packId),
        index: keys.index(owner),
        deadlines: keys.deadlines,
        extraRows: keys.extraRows,
      },
      args: {
        latestAt,
        packId,
        createdAt,
        isTold: members.some((member) => member.job.webhook !== undefined) ? 1 : 0,
      },
      moreKeys: members.map(({ claim }) => claim?.key ?? ''),
      moreArgs: members.flatMap(({ id, job: asked, inputText, claim }) => [
        id,
        packMemberText(asked),
        inputText,
        rowsOf(asked),
        asked.deadline ?? '',
        claim?.text ?? '',
        claim?.ttlMs ?? '',
      ]),
    })
    const replies = await runPipeline(transaction)
    const reply = replySchema.parse(replies[1])
    return reply === 'late' ? { isLate: true } : { isLate: false, leftOut: reply }
  }
}

const packJobOf = (members: readonly [NewMember, ...NewMember[]]): PackJobData => {
  const { model, version, digest, owner, priority, createdAt, keyId, replyTo } = members[0].job
  return {
    model,
    version,
    digest,
    owner,
    pack: members.length,
    rows: sum(members.map(({ job }) => rowsOf(job))),
    inputBytes: sum(members.map(({ job }) => job.inputBytes)),
    priority,
    createdAt,
    ...(keyId === undefined ? {} : { keyId }),
    ...(replyTo === undefined ? {} : { replyTo }),
  }
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)

/** What the script is given of each prediction, beside the key of its claim. */
const memberArgs = 7

/** The ids of those that were left out. */
const replySchema = z.union([z.literal('late'), z.array(z.string())])

/**
 * Without its job, which a Redis that is full may refuse, there is no pack either. It was opened before where it is sent again: then
 * those that it has not are told once more.
 */
const openPack = redisScript({
  name: 'openPack',
  keys: ['job', 'pack', 'index', 'deadlines', 'extraRows'],
  args: ['latestAt', 'packId', 'createdAt', 'isTold'],
  reply: replySchema,
  lua: `
local leftOut = {}
if redis.call('EXISTS', job) == 0 then return leftOut end
local count = (#ARGV - argCount) / ${memberArgs}
local isOpen = redis.call('EXISTS', pack) == 1
local time = redis.call('TIME')
if not isOpen and time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(latestAt) then return 'late' end

local function takes(key, text, ttlMs)
  return key == '' or redis.call('SET', key, text, 'NX', 'PX', ttlMs)
end

local fields, kept, rows, isDue = {}, 0, 0, false
for i = 0, count - 1 do
  local arg = argCount + ${memberArgs} * i
  local id, member, input, memberRows, deadline, claim, ttlMs = unpack(ARGV, arg + 1, arg + ${memberArgs})
  local number = string.sub(id, -2)
  if isOpen then
    if claim ~= '' and redis.call('HEXISTS', pack, 'j' .. number) == 0 then table.insert(leftOut, id) end
  elseif takes(KEYS[keyCount + i + 1], claim, ttlMs) then
    for _, part in ipairs({ 'j' .. number, member, 'i' .. number, input }) do table.insert(fields, part) end
    kept, rows = kept + 1, rows + tonumber(memberRows)
    if deadline ~= '' then
      redis.call('ZADD', deadlines, deadline, id)
      isDue = true
    end
  else
    table.insert(leftOut, id)
  end
end
if isOpen or kept == 0 then return leftOut end
redis.call('HSET', pack, 'n', count, 'kept', kept, 'left', kept, 'rows', rows, unpack(fields))
if isTold == '1' then redis.call('HSET', pack, 'told', 1) end
if isDue then redis.call('HSET', pack, 'due', 1) end
redis.call('ZADD', index, createdAt, packId)
if rows > 1 then redis.call('INCRBY', extraRows, rows - 1) end
return leftOut`,
})
