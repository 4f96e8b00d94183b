import type { Job } from 'bullmq'
import { z } from 'zod'
import type { Outcome } from '../contract/outcome.ts'
import { modelKeys } from '../redis/names.ts'
import { outcomeAtLua, outcomeReplySchema, toOutcome } from './read-outcomes.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { packJobSchema, packMemberSchema, toMemberJob } from '../contract/pack.ts'
import { numberInPack, packIdOf } from '../contract/prediction-id.ts'
import { predictionJobSchema } from '../contract/prediction-job.ts'
import type { PredictionJobData } from '../contract/prediction-job.ts'
import { lineLua } from './line-lua.ts'
import { scriptsOn } from './scripts-on.ts'
import type { PredictionRecord, QueueLine } from '../contract/prediction.ts'
import { StoredJson } from '../contract/stored-json.ts'

/** The owner of predictions that were deleted while they ran: nobody. */
export const forgottenOwner = ''

/** BullMQ makes a job of a place in its queue of which Redis has lost the record: one without data. */
export const hasLostRecord = ({ data }: Pick<Job<object>, 'data'>) => Object.keys(data).length === 0

/** Notes that a prediction which is given back waits again: BullMQ keeps when it was taken, which `takenAt` goes by. */
export const clearTakenAt = ({ redis, namespace }: RedisStore, model: string, id: string) =>
  redis.hdel(modelKeys(namespace, model).queue(id), 'processedOn')

/** A prediction of a model with its outcome and its input; null where there is none. As `readPredictionRecords` has it. */
export const readPredictionRecord = async (
  store: RedisStore,
  model: string,
  id: string,
): Promise<PredictionRecord | null> => {
  const [record] = await readPredictionRecords(store, model, [id])
  return record?.() ?? null
}

/**
 * Reads predictions of one model in one step; they come in order, each as a function, which throws where its record can't be
 * used and resolves to null where there is no such prediction. An input or an output that is long is a `StoredJson`.
 */
export const readPredictionRecords = async (
  { redis, namespace }: RedisStore,
  model: string,
  ids: readonly string[],
): Promise<(() => PredictionRecord | null | Promise<PredictionRecord | null>)[]> => {
  const keys = modelKeys(namespace, model)
  const [replies, line] = await scriptOn(redis).run({
    keys: { prioritized: keys.queue('prioritized'), active: keys.queue('active'), extraRows: keys.extraRows },
    args: { jobOf: keys.queue(''), packOf: keys.pack('') },
    moreKeys: ids.map((id) => keys.outcome(id)),
    moreArgs: ids,
  })
  return replies.map((reply, index) => {
    const id = ids[index] ?? ''
    return () => toRecord({ redis, namespace }, { model, id, reply, line })
  })
}

const recordReplySchema = z.tuple([
  /** the data of the job, and when it was taken */
  z.string().nullable(),
  z.string().nullable(),
  outcomeReplySchema,
  /** the rank of the job, and how many predictions are before it, where it waits in line */
  z.tuple([z.int(), z.int()]).nullable(),
  /** what the pack that it came in has of it, and its input */
  z.tuple([z.string(), z.string()]).nullable(),
])
type RecordReply = z.infer<typeof recordReplySchema>
const lineReplySchema = z.tuple([z.int(), z.int(), z.string()]).nullable()

/**
 * Two fields of BullMQ's hash of a job, which has a dozen, the outcome, and of one that waits its place in a line that all share.
 * One that came in a pack has that pack's job.
 */
const readRecords = redisScript({
  name: 'readRecords',
  keys: ['prioritized', 'active', 'extraRows'],
  args: ['jobOf', 'packOf'],
  reply: z.tuple([z.array(recordReplySchema), lineReplySchema]),
  lua: `
${outcomeAtLua}
${lineLua}
local replies, line = {}, false
for i = 1, #KEYS - keyCount do
  local id = ARGV[argCount + i]
  local member, input = unpack(redis.call('HMGET', packKeyOf(id), 'j' .. numberOf(id), 'i' .. numberOf(id)))
  local jobId = member and string.sub(id, 1, -3) .. '00' or id
  local job = redis.call('HMGET', jobOf .. jobId, 'data', 'processedOn')
  local outcome, place = outcomeOf(id, KEYS[keyCount + i]), false
  if job[1] and not job[2] and not outcome then
    local rank = redis.call('ZRANK', prioritized, jobId)
    if rank then place = { rank, countInLine(rank) } end
  end
  if place and not line then
    local waiting, inHand = redis.call('ZCARD', prioritized), redis.call('LLEN', active)
    line = { waiting, inHand, redis.call('GET', extraRows) or '0' }
  end
  replies[i] = { job[1], job[2], outcome, place, member and { member, input or 'null' } or false }
end
return { replies, line }`,
})

const scriptOn = scriptsOn(readRecords)

const toRecord = (
  { redis, namespace }: RedisStore,
  {
    model,
    id,
    reply: [data, processedOn, outcomeReply, place, packed],
    line,
  }: { model: string; id: string; reply: RecordReply; line: Line },
): PredictionRecord | null | Promise<PredictionRecord> => {
  if (data === null || data === '{}') return null
  const job = toJob(id, JSON.parse(data), packed)
  if (job === null || job.owner === forgottenOwner) return null
  const takenAt = processedOn === null ? null : Number(processedOn)
  const outcome = toOutcome(redis, modelKeys(namespace, model).outcome(id), outcomeReply)
  const ahead = place && { rank: place[0], before: place[1] + (packed ? numberInPack(id) - 1 : 0) }
  const known = {
    id,
    job,
    takenAt,
    ...(ahead === null || line === null ? {} : { line: toLine(ahead, line) }),
  }
  if ('input' in job && !(outcome instanceof Promise)) return { ...known, input: job.input, outcome }
  return readRest({ redis, namespace }, { ...known, outcome })
}

type Line = z.infer<typeof lineReplySchema>

/** Null for the id of a pack, which is no prediction. */
const toJob = (id: string, data: unknown, packed: RecordReply[4]): PredictionJobData | null => {
  if (packed === null) {
    return packJobSchema.safeParse(data).success ? null : predictionJobSchema.parse(data)
  }
  const [text, input] = packed
  const member = packMemberSchema.parse(JSON.parse(text))
  const shared = packJobSchema.parse(data)
  const inputBytes = Buffer.byteLength(input)
  return { ...toMemberJob(shared, member, { packId: packIdOf(id), inputBytes }), input: JSON.parse(input) }
}

/** Of a prediction that has something long. */
const readRest = async (
  store: RedisStore,
  {
    outcome,
    ...known
  }: Omit<PredictionRecord, 'input' | 'outcome'> & { outcome: Outcome | null | Promise<Outcome> },
): Promise<PredictionRecord> => ({
  ...known,
  input: 'input' in known.job ? known.job.input : await storedInput(store, known.job.model, known.id),
  outcome: await outcome,
})

const toLine = (
  ahead: Pick<QueueLine, 'rank' | 'before'>,
  [waiting, inHand, extraRows]: [number, number, string],
): QueueLine => ({
  ...ahead,
  waiting,
  inHand,
  extraRows: Math.max(0, Number(extraRows)),
})

/** The input of a prediction that keeps it beside its job; null where it is gone. */
const storedInput = async ({ redis, namespace }: RedisStore, model: string, id: string) => {
  const bytes = await redis.strlen(modelKeys(namespace, model).input(id))
  return bytes === 0 ? null : inputOf({ redis, namespace }, { model, id, bytes })
}

/** The input that was written beside a job. */
export const inputOf = (
  { redis, namespace }: RedisStore,
  { model, id, bytes }: { model: string; id: string; bytes: number },
) => {
  const key = modelKeys(namespace, model).input(id)
  return new StoredJson(bytes, (start, end) => redis.getrangeBuffer(key, start, end - 1))
}
