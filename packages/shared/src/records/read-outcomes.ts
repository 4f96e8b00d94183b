import type { Redis } from 'ioredis'
import { z } from 'zod'
import { outcomeSchema } from '../contract/outcome.ts'
import type { Outcome } from '../contract/outcome.ts'
import { StoredJson } from '../contract/stored-json.ts'
import { modelKeys } from '../redis/names.ts'
import { parseOutcome } from './outcome-store.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { packLua } from './pack-lua.ts'
import { scriptsOn } from './scripts-on.ts'

/** Longer outcomes and inputs are not read along: many of them at once would be more than a process has room for. */
export const maxReadAlongBytes = 64 * 1024
/** Of what is read in one step. Behind this only what is short is read along. */
const maxReadInStepBytes = 4 * 1024 * 1024
const shortBytes = 4096
/** What comes before the output of an outcome takes less, and mostly what comes behind it too. */
const edgeBytes = 1024

/**
 * The outcomes of predictions of one model, in order; null for one that is not final. The output of a long one is a
 * `StoredJson`.
 */
export const readOutcomes = async (
  { redis, namespace }: RedisStore,
  model: string,
  ids: string[],
): Promise<(Outcome | null)[]> => {
  if (ids.length === 0) return []
  const { outcome, pack } = modelKeys(namespace, model)
  const moreKeys = ids.map((id) => outcome(id))
  const replies = await scriptOn(redis).run({
    keys: {},
    args: { packOf: pack('') },
    moreKeys,
    moreArgs: ids,
  })
  return Promise.all(replies.map(async (reply, index) => toOutcome(redis, moreKeys[index] ?? '', reply)))
}

/** The outcome that a function of `outcomeAtLua` found. A promise where more of a long one has to be read. */
export const toOutcome = (redis: Redis, key: string, reply: OutcomeReply) => {
  if (reply === null) return null
  return typeof reply === 'string' ? parseOutcome(reply) : readLong(redis, key, reply)
}

export const outcomeReplySchema = z.union([z.string(), z.null(), z.tuple([z.int(), z.string(), z.string()])])
type OutcomeReply = z.infer<typeof outcomeReplySchema>

/**
 * Functions for scripts: the outcome under a key, or of a long one its length, its head and its tail; and that of a prediction,
 * which has it in its pack (an empty one: under its own key) or else under its own key.
 */
export const outcomeAtLua = `
${packLua}
local used = 0
local function outcomeAt(key)
  local bytes = redis.call('STRLEN', key)
  if bytes > ${shortBytes} and (bytes > ${maxReadAlongBytes} or used + bytes > ${maxReadInStepBytes}) then
    local head = redis.call('GETRANGE', key, 0, ${edgeBytes - 1})
    return { bytes, head, redis.call('GETRANGE', key, -${edgeBytes}, -1) }
  end
  used = used + bytes
  return redis.call('GET', key)
end
local function outcomeOf(id, key)
  local packed = redis.call('HGET', packKeyOf(id), 'o' .. numberOf(id))
  if not packed or packed == '' then return outcomeAt(key) end
  return packed
end`

const readShortOutcomes = redisScript({
  name: 'readShortOutcomes',
  keys: [],
  args: ['packOf'],
  reply: z.array(outcomeReplySchema),
  lua: `
${outcomeAtLua}
local replies = {}
for i, key in ipairs(KEYS) do replies[i] = outcomeOf(ARGV[argCount + i], key) end
return replies`,
})

/**
 * An outcome without its output. Writers have the members in this order: `status`, `output`, `error`, and then times and
 * counts. So the last `,"error":` of the text is the outcome's own: what is in it has no such member, and within a string
 * the quotes would be escaped.
 */
const readLong = async (redis: Redis, key: string, [bytes, head, end]: Long): Promise<Outcome> => {
  const start = /^\{"status":"\w+","output":/.exec(head)?.[0].length
  let tail = end
  let split = tail.lastIndexOf(errorMember)
  for (let window = edgeBytes; split === -1 && window < bytes; split = tail.lastIndexOf(errorMember)) {
    window *= 16
    tail = await redis.getrange(key, -window, -1)
  }
  if (start === undefined || split === -1) throw new Error('an outcome has its members in another order')
  const rest = tail.slice(split)
  const outputEnd = bytes - Buffer.byteLength(rest)
  const bare: unknown = JSON.parse(`${head.slice(0, start)}null${rest}`)
  const read = async (from: number, to: number) => redis.getrangeBuffer(key, start + from, start + to - 1)
  return { ...outcomeSchema.parse(bare), output: new StoredJson(outputEnd - start, read) }
}

type Long = [bytes: number, head: string, tail: string]

const errorMember = ',"error":'

const scriptOn = scriptsOn(readShortOutcomes)
