import { heartbeatSchema, serveVersions } from '../contract/served-versions.ts'
import type { Heartbeat, ModelEntry } from '../contract/served-versions.ts'
import { readCard, writeCard } from '../contract/version-card.ts'
import type { VersionCard } from '../contract/version-card.ts'
import { globalKeys, modelKeys } from '../redis/names.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { runPipeline } from '../redis/run-pipeline.ts'
import { z } from 'zod'

/** A worker that has not been heard of for this long is gone. */
export const heartbeatTtlMs = 6000
export const heartbeatIntervalMs = 2000

/**
 * Publishes a card, and resolves to the generation of its digest. The first worker to publish a digest raises the generation
 * of its version; whoever publishes it again (a second worker, a restart, `loading` → `ready`) keeps that generation, and
 * brings back with the card what Redis has lost of it. A worker that is loading a definition that was ready before, or can't
 * load it, leaves the card as it is: predictions can be checked and accepted meanwhile, and its heartbeat tells its own state.
 */
export const publishCard = async ({ redis, namespace }: RedisStore, card: VersionCard): Promise<number> => {
  const keys = modelKeys(namespace, card.model)
  const { models, cardChanges } = globalKeys(namespace)
  const text = await redis.hget(keys.cards, card.digest)
  const known = text === null ? undefined : readCard(text)
  const generation =
    known?.generation || card.generation || (await nextGeneration({ redis, namespace }, card))
  const published = known?.status === 'ready' && card.status !== 'ready' ? known : { ...card, generation }
  await keepGeneration.on(redis).run({
    keys: { generations: keys.generations },
    args: { version: card.version, generation },
  })
  await runPipeline(
    redis
      .pipeline()
      .hset(keys.cards, card.digest, writeCard(published))
      .sadd(models, card.model)
      .publish(cardChanges, card.model),
  )
  return generation
}

/** Removes a card that stood for what could not be read, and was never loaded. */
export const removeCard = async (
  { redis, namespace }: RedisStore,
  { model, digest }: Pick<VersionCard, 'model' | 'digest'>,
) => {
  const { cards } = modelKeys(namespace, model)
  await runPipeline(redis.pipeline().hdel(cards, digest).publish(globalKeys(namespace).cardChanges, model))
}

/** Above that of every card there is, even where the count of generations was lost. */
const nextGeneration = async ({ redis, namespace }: RedisStore, { model, version }: VersionCard) => {
  const { cards, generations } = modelKeys(namespace, model)
  const texts = await redis.hvals(cards)
  const others = texts.flatMap((text) => readable(readCard(text))).filter((card) => card.version === version)
  await keepGeneration.on(redis).run({
    keys: { generations },
    args: { version, generation: Math.max(0, ...others.map(({ generation }) => generation)) },
  })
  return redis.hincrby(generations, version, 1)
}

/** The newest generation of a version is at least this one. */
const keepGeneration = redisScript({
  name: 'keepGeneration',
  keys: ['generations'],
  args: ['version', 'generation'],
  reply: z.unknown(),
  lua: `
if tonumber(redis.call('HGET', generations, version) or 0) < tonumber(generation) then
  redis.call('HSET', generations, version, generation)
end`,
})

/**
 * Says that a worker is alive and what it has of a model; good for `heartbeatTtlMs`. Resolves to those of the published
 * cards that Redis has lost, or the generation of which it has lost.
 */
export const beat = async (
  { redis, namespace }: RedisStore,
  model: string,
  { heartbeat, published }: { heartbeat: Heartbeat; published: readonly VersionCard[] },
): Promise<VersionCard[]> => {
  const { worker, workers, lastSeen, cards, generations } = modelKeys(namespace, model)
  const { workerId, at } = heartbeat
  // no pipeline: ioredis makes one with every script of the connection on it, for each model and beat
  const [lostNow] = await Promise.all([
    noteHeartbeat.on(redis).run({
      keys: { worker: worker(workerId), workers, lastSeen, cards, generations },
      args: { workerId, at, text: JSON.stringify(heartbeat), ttlMs: heartbeatTtlMs },
      moreArgs: published.flatMap(({ digest, version, generation }) => [digest, version, generation]),
    }),
    redis.sadd(globalKeys(namespace).models, model),
  ])
  const lost = new Set(lostNow)
  return published.filter(({ digest }) => lost.has(digest))
}

const lostDigests = z.array(z.string())

/** A worker has many models: this is one command for each of them. Replies the digests of cards that were lost. */
const noteHeartbeat = redisScript({
  name: 'noteHeartbeat',
  keys: ['worker', 'workers', 'lastSeen', 'cards', 'generations'],
  args: ['workerId', 'at', 'text', 'ttlMs'],
  reply: lostDigests,
  lua: `
redis.call('SET', worker, text, 'PX', ttlMs)
redis.call('SADD', workers, workerId)
redis.call('SET', lastSeen, at)
local lost = {}
for position = argCount + 1, #ARGV, 3 do
  local digest, version, generation = unpack(ARGV, position, position + 2)
  if redis.call('HEXISTS', cards, digest) == 0 or tonumber(redis.call('HGET', generations, version) or 0) < tonumber(generation) then
    table.insert(lost, digest)
  end
end
return lost`,
})

/** Takes a worker that ends in order off the model at once. */
export const stopBeating = async ({ redis, namespace }: RedisStore, model: string, workerId: string) => {
  const keys = modelKeys(namespace, model)
  await redis
    .pipeline()
    .del(keys.worker(workerId))
    .srem(keys.workers, workerId)
    .publish(globalKeys(namespace).cardChanges, model)
    .exec()
}

export const readModels = async (store: RedisStore): Promise<ModelEntry[]> => {
  const names = await store.redis.smembers(globalKeys(store.namespace).models)
  return Promise.all(names.sort().map((name) => readModel(store, name)))
}

export const readModel = async ({ redis, namespace }: RedisStore, name: string): Promise<ModelEntry> => {
  const keys = modelKeys(namespace, name)
  const [cards, workerIds, lastSeen] = await Promise.all([
    redis.hvals(keys.cards),
    redis.smembers(keys.workers),
    redis.get(keys.lastSeen),
  ])
  const heartbeats = await readHeartbeats({ redis, namespace }, name, workerIds)
  return {
    name,
    versions: serveVersions(
      cards.flatMap((text) => readable(readCard(text))),
      heartbeats,
    ),
    heartbeats,
    lastSeenAt: lastSeen === null ? null : Number(lastSeen),
  }
}

const readHeartbeats = async ({ redis, namespace }: RedisStore, model: string, workerIds: string[]) => {
  if (workerIds.length === 0) return []
  const keys = modelKeys(namespace, model)
  const texts = await redis.mget(workerIds.map((id) => keys.worker(id)))
  const gone = workerIds.filter((_, index) => texts[index] === null)
  if (gone.length > 0) await redis.srem(keys.workers, gone)
  return texts.flatMap((text) => (text ? readable(heartbeatSchema.safeParse(JSON.parse(text)).data) : []))
}

/** A process of another release may have written what can't be read here; that must not hide everything else. */
const readable = <T>(read: T | undefined) => (read === undefined ? [] : [read])
