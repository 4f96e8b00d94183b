import {
  deliveryKeys,
  isPackId,
  isPackJob,
  memberField,
  memberIdsOf,
  modelKeys,
  modelOfPredictionId,
  parseUndelivered,
} from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { createKeyReader } from './redis-keys.ts'

/** What is in Redis when nothing is under way. */
export type Census = {
  /** what is to be nothing, by name */
  counters: Record<string, number>
  /** ids of all predictions that have a job, those of packs included */
  jobs: string[]
  /** how many keys there are of each family */
  families: Record<string, number>
  /** keys that no name stands for */
  strangers: string[]
  /** keys of predictions that have no job, and that stay for ever */
  orphans: string[]
}

type Place = { redis: Redis; namespace: string; models: readonly string[] }

/** What goes with a job. Without one it may be there for a while: an input that was not claimed, a tombstone. */
const kinOfJob = new Set(['outcome', 'input', 'pack', 'job log', 'job lock'])

/** Everything that is nothing when all predictions are final, and all webhooks delivered. */
export const readCounters = async ({ redis, namespace, models }: Place): Promise<Record<string, number>> => {
  const deliveries = deliveryKeys(namespace)
  const ofModels = models.flatMap((model) => {
    const { queue, undelivered, extraRows } = modelKeys(namespace, model)
    return [
      [`${model}: waiting`, redis.llen(queue('wait'))],
      [`${model}: prioritized`, redis.zcard(queue('prioritized'))],
      [`${model}: delayed`, redis.zcard(queue('delayed'))],
      [`${model}: active`, redis.llen(queue('active'))],
      [`${model}: given up`, redis.zcard(queue('failed'))],
      [`${model}: undelivered`, countUndelivered(redis, undelivered)],
      [`${model}: extra rows`, redis.get(extraRows).then(Number)],
    ] as const
  })
  const counters = [
    ...ofModels,
    ['deliveries: due', redis.zcard(deliveries.endpoints)] as const,
    ['deliveries: failed', redis.zcard(deliveries.failed)] as const,
    ['deliveries: bytes', sumOf(redis, deliveries.bytes('*'))] as const,
  ]
  return Object.fromEntries(
    await Promise.all(counters.map(async ([name, count]) => [name, await count] as const)),
  )
}

/** What Redis says is left of a key without a time to live. */
const neverExpires = -1

export const takeCensus = async (place: Place): Promise<Census> => {
  const { redis, namespace, models } = place
  const keys = await scan(redis, `${namespace}:*`)
  const read = createKeyReader(namespace, models)
  const known = keys.map((key) => ({ key, kind: read(key) }))
  const jobs = known.flatMap(({ kind }) => (kind?.family === 'job' && kind.id !== undefined ? [kind.id] : []))
  const packed = await Promise.all(jobs.filter(isPackId).map((id) => readPacked(place, id)))
  const packs = new Set(packed.flatMap(({ packId, isPack }) => (isPack ? [packId] : [])))
  const predictions = [...jobs.filter((id) => !packs.has(id)), ...packed.flatMap(({ members }) => members)]
  const alive = new Set([...jobs, ...predictions])
  const families: Record<string, number> = {}
  for (const { kind } of known) {
    if (kind) families[kind.family] = (families[kind.family] ?? 0) + 1
  }
  const jobless = known.flatMap(({ key, kind }) =>
    kind?.id !== undefined && kinOfJob.has(kind.family) && !alive.has(kind.id) ? [key] : [],
  )
  const lifetimes = await Promise.all(jobless.map((key) => redis.pttl(key)))
  return {
    counters: { ...(await readCounters(place)), 'deliveries: bodies kept': families['delivery body'] ?? 0 },
    jobs: predictions,
    families,
    strangers: known.flatMap(({ key, kind }) => (kind ? [] : [key])),
    orphans: jobless.filter((_, index) => lifetimes[index] === neverExpires),
  }
}

/** What the job of an id that a pack may have is for: the predictions of a pack that were not deleted. */
const readPacked = async ({ redis, namespace }: Place, packId: string) => {
  const { queue, pack } = modelKeys(namespace, modelOfPredictionId(packId) ?? '')
  const data: unknown = JSON.parse((await redis.hget(queue(packId), 'data')) ?? 'null')
  const isPack = typeof data === 'object' && data !== null && isPackJob(data)
  const ids = memberIdsOf(packId, Number((await redis.hget(pack(packId), 'n')) ?? 0))
  const there = await Promise.all(ids.map((id) => redis.hexists(pack(packId), memberField(id))))
  return { packId, isPack, members: ids.filter((_, index) => there[index] === 1) }
}

/**
 * Without what is held for the receiver of a thin webhook: a webhooks process that dies right after such a delivery leaves
 * that to be looked at again, within the hour.
 */
const countUndelivered = async (redis: Redis, key: string) => {
  const members = await redis.zrange(key, '0', '-1')
  return members.filter((member) => parseUndelivered(member).kind !== 'held').length
}

const sumOf = async (redis: Redis, pattern: string) => {
  const keys = await scan(redis, pattern)
  const values = await Promise.all(keys.map((key) => redis.get(key)))
  return values.reduce((sum, value) => sum + Number(value ?? 0), 0)
}

const scan = async (redis: Redis, pattern: string) => {
  const found = new Set<string>()
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1000)
    for (const key of keys) found.add(key)
    cursor = next
  } while (cursor !== '0')
  return [...found]
}
