import {
  createBatchStore,
  explainOtherStorage,
  globalKeys,
  levelOf,
  modelKeys,
  Rounds,
} from '@onqueue/shared'
import type { BatchRecord, DatedStore, Logger, OwnStorage } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { BatchExecutors } from '../batches/batch-executors.ts'
import { consumeChunks } from './consume-chunks.ts'
import type { ChunkConsumer } from './consume-chunks.ts'
import { isFor, isIn, readActive } from './tend-batches.ts'

/** The batches that this worker scores: of its models, as soon as there are any. */
export type Chunks = { close(graceMs: number): Promise<void> }

type Options = DatedStore & {
  /** listens to notices, which may be lost */
  subscriber: Redis
  models: () => string[]
  /** the definition of a version that this worker can run */
  definitionOf: (model: string, digest: string) => ModelDefinition | undefined
  /** digests of the versions of a model that are ready here */
  digestsOf: (model: string) => string[]
  storage: OwnStorage
  /** of the storage, which parts leave free */
  minFreeBytes: number
  executors: BatchExecutors
  /** how many chunks are scored at once */
  concurrency: number
  events: { chunkScored(model: string, score: { rows: number; failed: number; bytes: number }): void }
  log: Logger
}

/** How often it is looked for batches of which no notice came. */
const intervalMs = 2000
/** A queue is waited at for so long after its last batch. */
const idleMs = 60_000

type Open = { consumer: ChunkConsumer; workers: number; busyAt: number }

/**
 * Scores batches. A queue is waited at only while its model has batches: with a hundred models there would be a hundred
 * connections more that do nothing.
 */
export const openChunks = async (options: Options): Promise<Chunks> => {
  const { redis, namespace, subscriber, models, digestsOf, storage, log } = options
  const store = createBatchStore(options)
  const open = new Map<string, Open>()
  const looking = new Map<string, Promise<void>>()
  const again = new Set<string>()
  /** other storages, of which the log has told */
  const told = new Set<string>()
  let isClosed = false

  const openModel = (model: string): Open => {
    const entry: Open = { consumer: consumerOf(model, () => entry.workers), workers: 1, busyAt: 0 }
    open.set(model, entry)
    return entry
  }
  const consumerOf = (model: string, workers: () => number) =>
    consumeChunks({
      ...options,
      model,
      store,
      definitionOf: (digest) => options.definitionOf(model, digest),
      digests: () => digestsOf(model),
      workers,
    })

  const look = async (model: string) => {
    const { activeBatches, workers } = modelKeys(namespace, model)
    if (!open.has(model) && (await redis.exists(activeBatches)) === 0) return
    const active = await readActive(store, model)
    tellElsewhere(active)
    const scorer = { storage: storage.id(), digests: digestsOf(model) }
    const hasWork = active.some((record) => isFor(scorer, record))
    if (!open.has(model) && !hasWork) return
    const entry = open.get(model) ?? openModel(model)
    entry.workers = await redis.scard(workers)
    await entry.consumer.tend(active)
    const now = performance.now()
    if (hasWork) entry.busyAt = now
    // it would take what only others can score
    const isElsewhere = active.length > 0 && !active.some((record) => isIn(storage.id(), record))
    if (!isElsewhere && now - entry.busyAt < idleMs) return
    open.delete(model)
    await entry.consumer.close(0)
  }
  const tellElsewhere = (active: readonly BatchRecord[]) => {
    const others = active.filter((record) => !isIn(storage.id(), record)).map(({ about }) => about.storage)
    const [reason] = explainOtherStorage(
      storage.id(),
      others.filter((id) => !told.has(id)),
    )
    if (reason === undefined) return
    for (const id of others) told.add(id)
    log.warn({ reason }, 'batches wait for a worker that has the storage of their files')
  }
  /** One look at a time for each model: one that is asked for meanwhile follows it. */
  const lookSoon = (model: string) => {
    if (isClosed || !models().includes(model)) return
    if (looking.has(model)) return void again.add(model)
    const running = look(model)
      .catch((err: unknown) => log[levelOf(err)]({ err, model }, 'batches could not be looked after'))
      .finally(() => {
        looking.delete(model)
        if (again.delete(model)) lookSoon(model)
      })
    looking.set(model, running)
  }

  const channel = globalKeys(namespace).batchNotices
  subscriber.on('message', (from, model) => from === channel && lookSoon(model))
  await subscriber.subscribe(channel)
  const rounds = new Rounds({
    run: async () => {
      for (const model of models()) lookSoon(model)
    },
    intervalMs,
    onError: (err) => log[levelOf(err)]({ err }, 'batches could not be looked after'),
  })
  for (const model of models()) lookSoon(model)

  return {
    close: async (graceMs) => {
      isClosed = true
      await rounds.close()
      await Promise.all(looking.values())
      await Promise.all([...open.values()].map(({ consumer }) => consumer.close(graceMs)))
    },
  }
}
