import { AppError, defaultVersionOf, globalKeys, isRedisAway, levelOf, readModel } from '@onqueue/shared'
import type { DatedStore, ErrorPlace, Logger, ModelEntry, ServedVersion } from '@onqueue/shared'
import type { Channels } from '../redis/channels.ts'
import { compileInputCheck } from './input-check.ts'
import type { InputCheck } from './input-check.ts'
import { createLossGrace } from './loss-grace.ts'
import { modelNotFound } from './model-not-found.ts'

/** The models as the cards in Redis tell of them: kept in memory, so that no request waits for Redis to know them. */
export type ModelCatalog = {
  /** every model that a worker ever published, by name */
  list(): ModelEntry[]
  get(name: string): ModelEntry | undefined
  /**
   * The version that a new prediction gets: the asked for, or else the default one.
   *
   * Throws `model_not_found`, `version_not_found`, and `model_unavailable` while it is loading for the first time
   * or can't be, refused, silent for too long or, for a caller who `needsWorker` since he wants the answer now, without one.
   */
  resolve(model: string, options: { version: string | undefined; needsWorker: boolean }): ServedVersion
  isEmpty(): boolean
  /** Why each model takes no predictions, not even such as may wait; empty when one does. */
  whyClosed(): string[]
  /** Where an input breaks the schema of a version; pointers start with `pointer`. Empty when it may be queued. */
  check(served: ServedVersion, input: unknown, pointer: string): ErrorPlace[]
  close(): Promise<void>
}

/** A model whose workers have not been heard of for this long takes no new predictions: nobody may ever run them. */
const maxSilenceMs = 10 * 60_000

type Options = DatedStore & {
  channels: Channels
  log: Logger
  refreshMs?: number
}

/**
 * Reads all models before it resolves, then again every `refreshMs`, and one at once when its card changes. While Redis
 * is away it goes on with what it knows.
 */
export const createModelCatalog = async (options: Options): Promise<ModelCatalog> => {
  const { redis, namespace, clock, channels, log, refreshMs = 1000 } = options
  let entries = new Map<string, ModelEntry>()
  const checks = new Map<string, InputCheck>()
  const goBy = createLossGrace()

  const read = async (name: string) => {
    try {
      return await readModel({ redis, namespace }, name)
    } catch (err) {
      // that nothing can be read does not say that nothing is there
      if (isRedisAway(err)) throw err
      // one card that can't be read must not hide the other models
      log.warn({ model: name, err }, 'model could not be read')
      return entries.get(name)
    }
  }
  const readAll = async () => {
    const there = new Set(await redis.smembers(globalKeys(namespace).models))
    const names = [...there.union(new Set(entries.keys()))].sort()
    const found = await Promise.all(names.map(async (name) => (there.has(name) ? read(name) : undefined)))
    const kept = names.map((name, index) => goBy(name, entries.get(name), found[index]))
    entries = new Map(kept.flatMap((entry) => (entry ? [[entry.name, entry]] : [])))
    dropUnusedChecks(checks, entries)
  }
  const readOne = async (name: string) => {
    const entry = goBy(name, entries.get(name), await read(name))
    if (entry)
      entries = new Map([...entries, [name, entry] as const].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }
  const onUnread = (err: unknown) => log[levelOf(err)]({ err }, 'models could not be read')

  await readAll()
  const stopListening = channels.subscribe(globalKeys(namespace).cardChanges, {
    onMessage: (name) => void readOne(name).catch(onUnread),
  })
  const stopRefreshing = repeat(refreshMs, async () => {
    // the connection says itself when it is lost and found
    if (redis.status === 'ready') await readAll().catch(onUnread)
  })

  return {
    list: () => [...entries.values()],
    get: (name) => entries.get(name),
    resolve: (model, { version, needsWorker }) => {
      const entry = entries.get(model)
      if (!entry) throw modelNotFound(model, [...entries.keys()])
      const served = version === undefined ? defaultVersionOf(entry.versions) : findVersion(entry, version)
      refuseUnlessServed(entry, served, { needsWorker, now: clock() })
      return served
    },
    isEmpty: () => entries.size === 0,
    whyClosed: () => {
      const reasons = [...entries.values()].map((entry) => whyClosed(entry, clock()))
      return reasons.some((reason) => reason === undefined) ? [] : reasons.flatMap((reason) => reason ?? [])
    },
    check: ({ card }, input, pointer) => {
      const known = checks.get(card.digest)
      if (known) return known(input, pointer)
      const check = compile(card, log)
      checks.set(card.digest, check)
      return check(input, pointer)
    },
    close: async () => {
      stopListening()
      await stopRefreshing()
    },
  }
}

const whyClosed = (entry: ModelEntry, now: number) => {
  try {
    refuseUnlessServed(entry, defaultVersionOf(entry.versions), { needsWorker: false, now })
    return undefined
  } catch (err) {
    return err instanceof AppError ? err.message : String(err)
  }
}

const findVersion = ({ name, versions }: ModelEntry, version: string) => {
  const found = versions.find((candidate) => candidate.version === version)
  if (found) return found
  const detail = `${name} has no such version; it has ${versions.map((known) => known.version).join(', ') || 'none yet'}`
  throw new AppError('version_not_found', detail, { places: [{ pointer: '/version', detail }] })
}

function refuseUnlessServed(
  { name, lastSeenAt }: ModelEntry,
  served: ServedVersion | undefined,
  { needsWorker, now }: { needsWorker: boolean; now: number },
): asserts served is ServedVersion {
  const refuse = (why: string, retryAfterSeconds: number) => {
    throw new AppError('model_unavailable', `model "${name}" ${why}`, { retryAfterSeconds })
  }
  if (served?.status === 'refused')
    refuse(`can't be served: ${served.reason ?? 'its worker gave no reason'}`, 60)
  const why = served && served.reason !== null ? `: ${served.reason}` : ''
  if (served?.status === 'unavailable' && served.card.interface === null && why !== '')
    refuse(`can't be served for now${why}`, 60)
  if (!served || served.card.interface === null)
    refuse(`is being loaded for the first time; try again soon${why}`, why === '' ? 2 : 10)
  if (served?.status === 'ready') return
  if (needsWorker)
    refuse(`has no worker that is ready for it; try again, or submit a prediction that may wait${why}`, 5)
  if (lastSeenAt === null || now - lastSeenAt > maxSilenceMs) {
    refuse('has not had a worker for 10 minutes; start one', 60)
  }
}

/** Where the schema has something that zod can't take, the input is left to the executor, which checks it again. */
const compile = ({ model, version, interface: offered }: ServedVersion['card'], log: Logger): InputCheck => {
  try {
    return compileInputCheck(offered?.inputSchema ?? {})
  } catch (err) {
    log.warn({ model, version, err }, 'inputs of this model are checked by its workers only')
    return () => []
  }
}

const dropUnusedChecks = (checks: Map<string, InputCheck>, entries: Map<string, ModelEntry>) => {
  const used = new Set(
    [...entries.values()].flatMap(({ versions }) => versions.map(({ card }) => card.digest)),
  )
  for (const digest of checks.keys()) if (!used.has(digest)) checks.delete(digest)
}

/** Runs `task` again `pauseMs` after it ended, until stopped; stopping waits for a run under way. */
const repeat = (pauseMs: number, task: () => Promise<void>) => {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let isStopped = false
  const plan = () => {
    timer = setTimeout(() => {
      running = task().finally(() => !isStopped && plan())
    }, pauseMs).unref()
  }
  plan()
  return async () => {
    isStopped = true
    clearTimeout(timer)
    await running
  }
}
