import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Logger } from '../process/logger.ts'
import { heartbeatIntervalMs, heartbeatTtlMs } from './card-store.ts'
import { deliveryKeys, globalKeys } from '../redis/names.ts'
import type { RedisStore } from '../redis/redis-store.ts'

/**
 * Which API and webhooks processes are alive, and what they can read. (Workers say with their heartbeats what they have of a
 * model, and read none of what this is for.)
 *
 * Each leaves a heartbeat with what it reads. Those of a release that leaves none are found all the same: every API process
 * listens to the changes of cards, every webhooks process to the notices of deliveries, so whoever listens and has no
 * heartbeat is one of them.
 */
export type LiveProcesses = {
  /** Whether all that were alive at the last look read it. Good enough for what is soon done again. */
  isRead(name: string): boolean
  /** As `isRead`, once it has been so for a while: good enough for records that stay. */
  stateOf(name: string): ReadState
  /** Ids of the storages that were in use at the last look, this process' own included. */
  storages(): readonly string[]
  /** Has `listener` called when the state of a name has changed. */
  onChange(listener: () => void): void
  /** Takes this process off: nobody waits for it, since Redis forgets it by itself. */
  close(): void
}

/** Whether every live process reads something; unknown where that was seen for a short time only. */
export type ReadState = 'yes' | 'no' | 'unknown'

const heartbeatSchema = z.object({
  app: z.enum(['api', 'webhooks']),
  reads: z.array(z.string()),
  /** id of the storage that it uses; see storage-id.ts */
  storage: z.string().optional(),
})
type ProcessHeartbeat = z.infer<typeof heartbeatSchema>

/** A process that was killed is still told of for the life of its heartbeat, and may stand for one that has none. */
const steadyMs = heartbeatTtlMs + heartbeatIntervalMs

export const watchProcesses = ({
  redis,
  namespace,
  app,
  reads,
  storage = () => undefined,
  log,
  clock = () => performance.now(),
}: RedisStore & {
  app: ProcessHeartbeat['app']
  reads: readonly string[]
  /** id of its storage, once it has opened one */
  storage?: () => string | undefined
  log: Logger
  clock?: () => number
}): LiveProcesses => {
  const { processes, process, cardChanges } = globalKeys(namespace)
  const { notices } = deliveryKeys(namespace)
  const id = randomUUID()
  const steady = new SteadyReads(reads, steadyMs)
  const listeners = new Set<() => void>()
  const own = () => JSON.stringify({ app, reads, storage: storage() })
  let storages: readonly string[] = []

  const beat = async () => {
    if (redis.status !== 'ready') return
    await redis.pipeline().set(process(id), own(), 'PX', heartbeatTtlMs).sadd(processes, id).exec()
    const [ids, subscribers] = await Promise.all([
      redis.smembers(processes),
      redis.pubsub('NUMSUB', cardChanges, notices),
    ])
    const texts = await redis.mget(ids.map(process))
    const gone = ids.filter((_, index) => texts[index] === null)
    if (gone.length > 0) await redis.srem(processes, gone)
    const heartbeats = texts.flatMap((text) => (text ? readHeartbeat(text) : []))
    storages = heartbeats.flatMap((heartbeat) => heartbeat.storage ?? [])
    const listening = { api: Number(subscribers[1]), webhooks: Number(subscribers[3]) }
    if (steady.see(clock(), readByAll(heartbeats, listening))) for (const listener of listeners) listener()
  }
  const tryToBeat = () => {
    beat().catch((err: unknown) => log.debug({ err }, 'heartbeat failed'))
  }

  tryToBeat()
  const timer = setInterval(tryToBeat, heartbeatIntervalMs)
  return {
    isRead: (name) => steady.isRead(name),
    stateOf: (name) => steady.stateOf(name),
    storages: () => storages,
    onChange: (listener) => void listeners.add(listener),
    close: () => {
      clearInterval(timer)
      if (redis.status !== 'ready') return
      void redis
        .pipeline()
        .del(process(id))
        .srem(processes, id)
        .exec()
        .catch(() => undefined)
    },
  }
}

/** What all of these processes read; nothing where more listen than have a heartbeat. */
export const readByAll = (
  heartbeats: readonly ProcessHeartbeat[],
  listening: Record<ProcessHeartbeat['app'], number>,
): string[] => {
  const count = (app: ProcessHeartbeat['app']) => heartbeats.filter((beat) => beat.app === app).length
  if (listening.api > count('api') || listening.webhooks > count('webhooks')) return []
  const [first, ...others] = heartbeats
  return (first?.reads ?? []).filter((name) => others.every(({ reads }) => reads.includes(name)))
}

/** What was seen of each name, and since when without a break. */
export class SteadyReads {
  readonly #steadyMs: number
  readonly #seen: Map<string, { isRead: boolean | undefined; since: number; state: ReadState }>

  constructor(names: readonly string[], steadyMs: number) {
    this.#steadyMs = steadyMs
    this.#seen = new Map(names.map((name) => [name, { isRead: undefined, since: 0, state: 'unknown' }]))
  }

  isRead(name: string) {
    return this.#seen.get(name)?.isRead === true
  }

  stateOf(name: string): ReadState {
    return this.#seen.get(name)?.state ?? 'no'
  }

  /** Takes in what is read by all at `now` (ms). True where that changes the state of a name. */
  see(now: number, readByAll: readonly string[]): boolean {
    let isChanged = false
    for (const [name, { isRead: before, since, state: stateBefore }] of this.#seen) {
      const isRead = readByAll.includes(name)
      const from = isRead === before ? since : now
      const state = now - from < this.#steadyMs ? 'unknown' : isRead ? 'yes' : 'no'
      this.#seen.set(name, { isRead, since: from, state })
      isChanged ||= state !== stateBefore
    }
    return isChanged
  }
}

/** Ids of the storages that live API and webhooks processes use, for who is none of them. */
export const readProcessStorages = async ({ redis, namespace }: RedisStore): Promise<string[]> => {
  const { processes, process } = globalKeys(namespace)
  const ids = await redis.smembers(processes)
  if (ids.length === 0) return []
  const texts = await redis.mget(ids.map(process))
  return texts.flatMap((text) => (text ? readHeartbeat(text) : [])).flatMap(({ storage }) => storage ?? [])
}

/** One that can't be read is of a release that says it in another way: it counts as one without a heartbeat. */
const readHeartbeat = (text: string): ProcessHeartbeat[] => {
  const { data } = heartbeatSchema.safeParse(JSON.parse(text))
  return data ? [data] : []
}
