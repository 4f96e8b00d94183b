import { DelayedError, WaitingError } from 'bullmq'
import type { Job } from 'bullmq'
import { delayJob, errorsPartName, headerName, levelOf, outputPartName } from '@onqueue/shared'
import type { BatchRecord, BatchStore, Logger, OwnStorage } from '@onqueue/shared'
import { InvalidFile } from '@onqueue/shared/rows'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { BatchExecutors } from '../batches/batch-executors.ts'
import { batchesOff } from './batches-off.ts'
import { parseChunkJob } from './chunk-queue.ts'
import type { ChunkJobData } from './chunk-queue.ts'
import { finishOutput } from './finish-output.ts'
import { toFile } from './to-file.ts'

export type ChunkProcessing = {
  model: string
  store: BatchStore
  executors: BatchExecutors
  /** the definition of a version that this worker can run */
  definitionOf: (digest: string) => ModelDefinition | undefined
  storage: OwnStorage
  /** of the storage, which parts leave free */
  minFreeBytes: number
  /** what follows of a chunk that is done, or planned */
  onDone: (record: BatchRecord) => Promise<void>
  /** this worker takes no more */
  isClosing: () => boolean
  events: { chunkScored(model: string, score: { rows: number; failed: number; bytes: number }): void }
  log: Logger
}

/** Before a chunk that this worker can't score is taken again, here or by another one. */
const putOffMs = 5000

/**
 * Plans a batch, or scores one of its chunks. All that it does may be done twice: parts have fixed names and the same bytes, and
 * what counts is who notes it first. What is thrown tells BullMQ where the job is.
 */
export const processChunk = async (
  processing: ChunkProcessing,
  job: Job,
  token: string,
  signal: AbortSignal,
) => {
  const { store, model, log } = processing
  const data = parseChunkJob(job.data)
  const record = await store.read(data.batchId)
  if (!record || record.end) return
  const definition = processing.definitionOf(record.about.digest)
  try {
    // another worker may have it; who sweeps ends the batch where nobody has had it for too long
    if (!definition) return await putOff(job, token)
    if (definition.settings.batch.executor === 'off') {
      await store.end(record, { status: 'failed', error: batchesOff(record.about) })
      return await processing.onDone(record)
    }
    const reason = await whyNotHere(processing, record)
    if (reason !== undefined) {
      log.warn({ model, batchId: record.id, work: data.work, reason }, 'a chunk of a batch was put off')
      return await putOff(job, token)
    }
    if (data.work === 'plan') await plan(processing, record, definition, signal)
    else if (data.work === 'finish') await finish(processing, record, definition, signal)
    else await score(processing, { job, data, chunk: data.work, record, definition, signal })
  } catch (err) {
    if (err instanceof DelayedError) throw err
    if (err instanceof InvalidFile) {
      await store.end(record, { status: 'failed', error: { code: 'invalid_file', detail: err.message } })
      return await processing.onDone(record)
    }
    if (signal.aborted) {
      if (!processing.isClosing()) return
      await job.moveToWait(token)
      throw new WaitingError()
    }
    log[levelOf(err)](
      { err, model, batchId: record.id, work: data.work },
      'a chunk of a batch could not be scored yet',
    )
    return await putOff(job, token)
  }
}

const plan = async (
  { store, executors, onDone }: ChunkProcessing,
  record: BatchRecord,
  definition: ModelDefinition,
  signal: AbortSignal,
) => {
  if (record.isPlanned) return
  let from = record.cursor
  await executors.plan({
    definition,
    file: toFile(record),
    cursor: from,
    headerName: headerName(record.id),
    rowMs: record.rowMs ?? undefined,
    onPlanned: async ({ cursor, isLast, ...planned }) => {
      const isOurs = await store.plan(record.id, { from, to: cursor, isPlanned: isLast, ...planned })
      from = cursor
      if (isOurs) await onDone(record)
      return isOurs
    },
    signal,
  })
}

const finish = async (
  processing: ChunkProcessing,
  record: BatchRecord,
  definition: ModelDefinition,
  signal: AbortSignal,
) => {
  await finishOutput(processing, record, definition, signal)
  await processing.onDone(record)
}

const score = async (
  { store, executors, onDone, model, events }: ChunkProcessing,
  {
    job,
    data,
    chunk,
    record,
    definition,
    signal,
  }: {
    job: Job
    data: ChunkJobData
    chunk: number
    record: BatchRecord
    definition: ModelDefinition
    signal: AbortSignal
  },
) => {
  const { id: batchId } = record
  const place = { batchId, chunk }
  const planned = await store.readChunk(place)
  // of a plan that Redis lost: nothing follows from it, or its jobs would call each other again and again
  if (!planned) return
  const [isDone] = await store.readDone(batchId, [chunk])
  if (!isDone) {
    const convicted = new Map(data.convicted)
    const { rows, failed, bytes, errorBytes, crc } = await executors.score({
      definition,
      file: toFile(record),
      chunk: planned,
      outputName: outputPartName(batchId, chunk),
      errorsName: errorsPartName(batchId, chunk),
      convicted,
      // another worker does not die of it again
      onConvicted: async (row, code) => {
        convicted.set(row, code)
        await job.updateData({ ...data, convicted: [...convicted] })
      },
      signal,
    })
    await store.finish({ ...place, firstRow: planned.firstRow }, { rows, failed, bytes, errorBytes, crc })
    events.chunkScored(model, { rows, failed, bytes })
  }
  await onDone(record)
}

const whyNotHere = async ({ storage, minFreeBytes }: ChunkProcessing, { about }: BatchRecord) => {
  const opened = await storage.open()
  if (opened.id !== about.storage) return 'its files are in another storage than that of this worker'
  for (const { name, bytes } of about.input) {
    const found = await opened.size(name)
    if (found === undefined) throw new InvalidFile('its file is not in the storage any more')
    if (found !== bytes)
      throw new InvalidFile(`its file was changed in the storage: it has ${found} bytes in place of ${bytes}`)
  }
  return (await opened.freeBytes()) < minFreeBytes ? 'there is no room in the storage' : undefined
}

/** Here or by another worker it is taken again later; throws what tells BullMQ so. */
const putOff = async (job: Job, token: string): Promise<never> => {
  await delayJob(job, putOffMs, token)
  throw new DelayedError()
}
