import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import {
  AppError,
  batchExpiry,
  createBatchStore,
  globalKeys,
  modelOfBatchId,
  openSegments,
} from '@onqueue/shared'
import type {
  BatchRecord,
  ByteRange,
  DatedStore,
  Logger,
  OwnStorage,
  RowFormat,
  ReusedBuffers,
  Segment,
} from '@onqueue/shared'
import type { CheckReceiver } from '../deliveries/check-receiver.ts'
import type { Files } from '../files/open-files.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
import type { Channels } from '../redis/channels.ts'
import { createCreateBatch } from './create-batch.ts'
import type { CreateBatch } from './create-batch.ts'
import { createFollowBatch } from './follow-batch.ts'
import type { FollowBatch } from './follow-batch.ts'
import { createListBatches } from './list-batches.ts'
import type { ListBatches } from './list-batches.ts'
import { readErrors, readOutput } from './read-output.ts'
import type { PartFile, PartKind } from './read-output.ts'
import { resolveForBatches } from './resolve-for-batches.ts'
import { createBatchSweeper } from './sweep-batches.ts'
import { createStreamParts } from './stream-parts.ts'
import { templateOf } from './template.ts'
import { createUntilLater } from './until-later.ts'
import { whyWaiting } from './why-waiting.ts'

/** Batches of a model that have not ended. */
export type ActiveBatches = { count: number; oldestAgeSeconds: number }

/** All that a dialect does with an owner's batches. What takes an id throws `batch_not_found`, also for those of others. */
export type Batches = {
  create: CreateBatch
  read(id: string, owner: string): Promise<BatchRecord>
  list: ListBatches
  /** Ends a batch; one that has ended stays as it is. Resolves to how it is then. */
  cancel(id: string, owner: string): Promise<BatchRecord>
  /** Why nothing of it is done at present; null where something is, or may be soon. */
  whyWaiting(record: BatchRecord): string | null
  output(record: BatchRecord): Promise<PartFile>
  errors(record: BatchRecord): Promise<PartFile>
  follow: FollowBatch
  /** A file of one row of a model, its example. Throws what the catalog does, and `batches_off`. */
  template(
    model: string,
    options: { version: string | undefined; format: Exclude<RowFormat, 'parquet'> },
  ): string
  /** The bytes of an output, or of errors, to the end of the batch; see stream-parts.ts. Whoever opens destroys. */
  stream(record: BatchRecord, kind: PartKind, signal: AbortSignal): Readable
  /** Opens bytes of an output, or of errors. Whoever opens destroys. */
  openParts(
    record: BatchRecord,
    segments: readonly Segment[],
    range: ByteRange,
    buffers?: ReusedBuffers,
  ): Promise<Readable>
}

/** Batches, and what tidies up after them. `close` ends that. */
export const openBatches = ({
  storage,
  files,
  catalog,
  channels,
  secrets,
  checkReceiver,
  keptMs,
  versionPatienceMs,
  maxActive,
  log,
  ...redisStore
}: DatedStore & {
  storage: OwnStorage
  files: Files
  catalog: ModelCatalog
  channels: Channels
  secrets: () => readonly [string, ...string[]]
  checkReceiver: CheckReceiver
  /** how long a batch may take, and is kept after its end */
  keptMs: number
  /** how long a batch waits for a worker that has its version */
  versionPatienceMs: number
  /** batches of one model that an owner may have which have not ended */
  maxActive: number
  log: Logger
}): Batches & {
  readActive(model: string): Promise<ActiveBatches>
  endStreams(): void
  close(): Promise<void>
} => {
  const { clock, namespace } = redisStore
  const store = createBatchStore(redisStore)
  const sweeper = createBatchSweeper({
    store,
    files,
    storage: storage.open,
    catalog,
    clock,
    keptMs,
    versionPatienceMs,
    log,
  })
  const notices = new EventEmitter().setMaxListeners(0)
  const closing = new AbortController()
  const stopListening = channels.subscribe(globalKeys(namespace).batchNotices, {
    onMessage: (model) => {
      notices.emit(model)
      void sweeper.sweepModel(model)
    },
  })

  const read = async (id: string, owner: string) => {
    const record = modelOfBatchId(id) === undefined ? null : await store.read(id)
    // one that is to be removed is gone, whether or not it was swept
    if (record?.about.owner !== owner || (record.end && batchExpiry(record) <= clock())) throw notFound()
    return record
  }

  const openParts: Batches['openParts'] = async (record, segments, range, buffers) => {
    const opened = await storage.open()
    if (opened.id !== record.about.storage) throw otherStorage()
    return openSegments(opened, segments, range, buffers)
  }
  const untilLater = createUntilLater({ notices, closing: closing.signal })
  const streamParts = createStreamParts({ store, read, openParts, untilLater, closing: closing.signal })

  return {
    create: createCreateBatch({ store, files, catalog, secrets, checkReceiver, keptMs, maxActive, clock }),
    read,
    list: createListBatches({ ...redisStore, store, catalog }),
    cancel: async (id, owner) => {
      const record = await read(id, owner)
      if (!record.end) await store.end(record, { status: 'canceled', error: null })
      return read(id, owner)
    },
    whyWaiting: (record) => whyWaiting(record, catalog.get(record.about.model)?.heartbeats ?? []),
    output: (record) => readOutput(store, record),
    errors: (record) => readErrors(store, record),
    follow: createFollowBatch({ read, untilLater, closing: closing.signal, log }),
    template: (model, { version, format }) => {
      const { interface: offered } = resolveForBatches(catalog, model, version).card
      return templateOf(format, { inputSchema: offered?.inputSchema ?? {}, example: offered?.example })
    },
    // what waits holds no byte of the next part
    stream: (...streamed) => Readable.from(streamParts(...streamed), { objectMode: false, highWaterMark: 0 }),
    openParts,
    readActive: async (model) => {
      const ids = await store.active(model)
      const oldest = ids[0] === undefined ? null : await store.read(ids[0])
      const ageMs = oldest ? Math.max(0, clock() - oldest.about.createdAt) : 0
      return { count: ids.length, oldestAgeSeconds: ageMs / 1000 }
    },
    endStreams: () => closing.abort(),
    close: async () => {
      stopListening()
      closing.abort()
      await sweeper.close()
    },
  }
}

const notFound = () =>
  new AppError('batch_not_found', 'no such batch; batches are kept for some days after their end')

const otherStorage = () =>
  new AppError(
    'storage_unavailable',
    'the parts of this batch are in another storage than that of this server; tell the operator, whose /readyz says more',
    { retryAfterSeconds: 60 },
  )
