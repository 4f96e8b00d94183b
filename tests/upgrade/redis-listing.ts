import type { Redis } from 'ioredis'
import { z } from 'zod'

/**
 * What is in a Redis below a prefix, as a listing that ordinary commands put back. (A payload of `DUMP` or an RDB file is
 * tied to the version of Redis.)
 *
 * Text that is JSON as we write it is listed as what it says, under `json`, so that a listing can be read and compared.
 */
const textSchema = z.union([z.string(), z.strictObject({ json: z.unknown() })])
type Text = z.infer<typeof textSchema>

const entrySchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('string'), ttlMs: z.int().optional(), value: textSchema }),
  z.strictObject({
    type: z.literal('hash'),
    ttlMs: z.int().optional(),
    value: z.record(z.string(), textSchema),
  }),
  z.strictObject({ type: z.literal('list'), ttlMs: z.int().optional(), value: z.array(z.string()) }),
  z.strictObject({ type: z.literal('set'), ttlMs: z.int().optional(), value: z.array(z.string()) }),
  /** members with their scores, lowest first */
  z.strictObject({
    type: z.literal('zset'),
    ttlMs: z.int().optional(),
    value: z.array(z.tuple([z.string(), z.number()])),
  }),
  /** entries with their ids, oldest first */
  z.strictObject({
    type: z.literal('stream'),
    ttlMs: z.int().optional(),
    value: z.array(z.tuple([z.string(), z.array(z.string())])),
  }),
])
type Entry = z.infer<typeof entrySchema>

export const listingSchema = z.record(z.string(), entrySchema)
export type Listing = z.infer<typeof listingSchema>

/** Every key below the prefix, in order. Keys that were gone when their turn came are left out. */
export const listRedis = async (redis: Redis, prefix: string): Promise<Listing> => {
  const keys = (await redis.keys(`${prefix}:*`)).sort()
  const entries = await Promise.all(keys.map(async (key) => [key, await readEntry(redis, key)] as const))
  return Object.fromEntries(entries.flatMap(([key, entry]) => (entry ? [[key, entry]] : [])))
}

export const restoreRedis = async (redis: Redis, listing: Listing) => {
  const pipeline = redis.pipeline()
  for (const [key, entry] of Object.entries(listing)) {
    for (const [command, ...args] of commandsOf(key, entry)) pipeline.call(command, ...args)
    if (entry.ttlMs !== undefined) pipeline.pexpire(key, entry.ttlMs)
  }
  const replies = (await pipeline.exec()) ?? []
  for (const [err] of replies) if (err) throw err
}

const readEntry = async (redis: Redis, key: string): Promise<Entry | undefined> => {
  const [type, ttlMs] = await Promise.all([redis.type(key), redis.pttl(key)])
  if (type === 'none') return undefined
  return entrySchema.parse({
    type,
    ...(ttlMs >= 0 ? { ttlMs } : {}),
    value: await readValue(redis, key, type),
  })
}

const readValue = async (redis: Redis, key: string, type: string): Promise<unknown> => {
  if (type === 'string') return toText(key, await redis.getBuffer(key))
  if (type === 'hash') {
    const fields = Object.entries(await redis.hgetallBuffer(key))
    return Object.fromEntries(fields.map(([field, value]) => [field, toText(key, value)]))
  }
  if (type === 'list') return redis.lrange(key, 0, -1)
  if (type === 'set') return (await redis.smembers(key)).sort()
  if (type === 'stream') return redis.xrange(key, '-', '+')
  const members = await redis.zrange(key, '0', '-1', 'WITHSCORES')
  return Array.from({ length: members.length / 2 }, (_, index) => [
    members[2 * index],
    Number(members[2 * index + 1]),
  ])
}

const toText = (key: string, bytes: Buffer | null): Text => {
  const text = bytes?.toString() ?? ''
  if (!Buffer.from(text).equals(bytes ?? Buffer.from('')))
    throw new Error(`${key} holds bytes that are no text`)
  const json = /^[{[]/.test(text) ? parse(text) : undefined
  return json !== undefined && JSON.stringify(json) === text ? { json } : text
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The bytes that are stored. */
export const textOf = (text: Text) => (typeof text === 'string' ? text : JSON.stringify(text.json))

const commandsOf = (key: string, { type, value }: Entry): [string, ...(string | number)[]][] => {
  switch (type) {
    case 'string':
      return [['SET', key, textOf(value)]]
    case 'hash':
      return [['HSET', key, ...Object.entries(value).flatMap(([field, text]) => [field, textOf(text)])]]
    case 'list':
      return [['RPUSH', key, ...value]]
    case 'set':
      return [['SADD', key, ...value]]
    case 'zset':
      return [['ZADD', key, ...value.flatMap(([member, score]) => [score, member])]]
    case 'stream':
      return value.map(([id, fields]) => ['XADD', key, id, ...fields])
  }
}
