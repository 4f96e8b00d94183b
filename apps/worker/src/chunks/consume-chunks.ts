import { Worker } from 'bullmq'
import type { Job } from 'bullmq'
import { chunkQueueName, levelOf, lockSettings, modelPrefix, onRedisTime } from '@onqueue/shared'
import type { BatchRecord, DatedStore } from '@onqueue/shared'
import { LockRenewal } from '../queue/lock-renewal.ts'
import { openChunkQueue, parseChunkJob } from './chunk-queue.ts'
import { processChunk } from './process-chunk.ts'
import type { ChunkProcessing } from './process-chunk.ts'
import { followUp, tendBatches } from './tend-batches.ts'

/** Scores the chunks of one model's batches, while there are any. */
export type ChunkConsumer = {
  /** Puts into the queue what is to be done next, of the batches that go on, and stops what is in hand of others. */
  tend(active: readonly BatchRecord[]): Promise<void>
  /** Takes no more, lets what was taken finish for `graceMs`, and returns the rest to the queue. */
  close(graceMs: number): Promise<void>
}

type Options = DatedStore &
  Omit<ChunkProcessing, 'onDone' | 'isClosing'> & {
    /** how many chunks are scored at once */
    concurrency: number
    /** digests of the versions that are ready here */
    digests: () => string[]
    /** how many workers the model has */
    workers: () => number
  }

/** In the queue for each executor: one that it has, and the one that comes next. */
const chunksPerExecutor = 2

export const consumeChunks = (options: Options): ChunkConsumer => {
  const { redis, namespace, clock, model, store, storage, concurrency, digests, workers, log } = options
  const queue = openChunkQueue(redis, namespace, model)
  /** what is being scored, by the id of its batch */
  const inHand = new Map<AbortController, string>()
  let isClosing = false
  const tending = {
    store,
    queue,
    model,
    scorer: () => ({
      window: chunksPerExecutor * concurrency * Math.max(1, workers()),
      storage: storage.id(),
      digests: digests(),
    }),
  }

  const tend = async (active: readonly BatchRecord[]) => {
    await tendBatches(tending, active)
    const ids = new Set(active.map(({ id }) => id))
    // canceled, or ended in another way
    for (const [controller, batchId] of inHand) if (!ids.has(batchId)) controller.abort()
  }
  const onDone = (record: BatchRecord) => followUp(tending, record)
  const processing: ChunkProcessing = { ...options, onDone, isClosing: () => isClosing }

  const process = async (job: Job, token = '') => {
    const id = job.id ?? ''
    const controller = new AbortController()
    inHand.set(controller, parseChunkJob(job.data).batchId)
    locks.hold(id, token)
    try {
      await processChunk(processing, job, token, controller.signal)
    } finally {
      locks.release(token)
      inHand.delete(controller)
    }
  }
  const settings = {
    connection: redis,
    prefix: modelPrefix(namespace, model),
    concurrency,
    ...lockSettings,
    skipLockRenewal: true,
    runRetryDelay: 1000,
    skipVersionCheck: true,
    autorun: false,
  }
  const worker: Worker = new Worker(chunkQueueName, process, settings, onRedisTime(clock))
  const locks = new LockRenewal({
    intervalMs: lockSettings.lockDuration / 3,
    extend: async (ids, tokens) => {
      await worker
        .extendJobLocks(ids, tokens, lockSettings.lockDuration)
        .catch((err: unknown) => log.debug({ err, model }, 'locks of chunks could not be renewed'))
    },
  })
  worker.on('error', (err) => log[levelOf(err)]({ err, model }, 'queue of chunks'))
  void worker.run()

  return {
    tend,
    close: async (graceMs) => {
      isClosing = true
      const timer = setTimeout(() => {
        for (const controller of inHand.keys()) controller.abort()
      }, graceMs)
      await worker.close()
      clearTimeout(timer)
      locks.close()
      await queue.close()
    },
  }
}
