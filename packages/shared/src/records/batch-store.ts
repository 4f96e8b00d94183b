import {
  chunkSchema,
  doneChunkSchema,
  modelOfBatchId,
  parseBatch,
  parseBatchEnd,
} from '../contract/batch-record.ts'
import type { BatchAbout, BatchChunk, BatchEnd, BatchRecord, DoneChunk } from '../contract/batch-record.ts'
import { deliveryKeys, globalKeys, modelKeys } from '../redis/names.ts'
import type { DatedStore } from '../redis/redis-store.ts'
import { clearChunkJobs, jobsOf } from './clear-chunk-jobs.ts'
import { createBatch } from './create-batch.ts'
import { endBatch, tooManyFailed } from './end-batch.ts'
import { finishChunk } from './finish-chunk.ts'
import { openChunks } from './open-chunks.ts'
import type { ChunkPlace, Scorer } from './open-chunks.ts'
import { noteFooter } from './note-footer.ts'
import { planBatch, stepArgs } from './plan-batch.ts'
import type { PlanStep } from './plan-batch.ts'
import { reopenChunks } from './reopen-chunks.ts'
import { restartBatch } from './restart-batch.ts'

const maxAtOnce = 200

/** The pace of a batch is that of the last one or two of these. */
const paceMs = 15_000

/**
 * The records of batches: what was asked for, the plan, which chunks are done, and how it ended. Rows are never in Redis. Every step
 * may be done twice, and by a process that was frozen: what counts is who came first.
 */
export type BatchStore = {
  /** Resolves to false where there is one of the id already. */
  create(id: string, about: BatchAbout): Promise<boolean>
  read(id: string): Promise<BatchRecord | null>
  /** Appends chunks to the plan, and moves its cursor; `isPlanned` with the last ones. Resolves to false where it has ended, or another planner went on. */
  plan(id: string, step: PlanStep): Promise<boolean>
  readChunk(place: ChunkPlace): Promise<BatchChunk | null>
  /** Notes what became of a chunk that begins with a row. Resolves to false where that was noted before, or it is another chunk by now. */
  finish(place: ChunkPlace & Pick<BatchChunk, 'firstRow'>, done: DoneChunk): Promise<boolean>
  /** Notes that all parts of the output are there, and what it ends with. Resolves to false where chunks are not done. */
  noteFooter(id: string, bytes: number): Promise<boolean>
  /** Has chunks be scored again, as if they had not been. */
  reopen(id: string, chunks: readonly number[]): Promise<void>
  /** What became of the chunks of these numbers; null of those that are not done. */
  readDone(id: string, chunks: readonly number[]): Promise<(DoneChunk | null)[]>
  /** How many chunks something is known of. */
  countDone(id: string): Promise<number>
  /** The next chunks of an owner's batches of a model that are to be in the queue, of those that `scorer` can score. */
  open(model: string, owner: string, scorer: Scorer): Promise<ChunkPlace[]>
  /** Ends a batch, unless it has; resolves to the end that counts, null where it is gone. */
  end(record: Pick<BatchRecord, 'id' | 'about'>, end: Omit<BatchEnd, 'completedAt'>): Promise<BatchEnd | null>
  /** The same if its counts say so; null where it goes on. */
  endIfDone(record: Pick<BatchRecord, 'id' | 'about'>): Promise<BatchEnd | null>
  /** Has a batch begin anew where Redis lost its plan, or what is known of its chunks. Resolves to whether it does. */
  restartIfLost(id: string): Promise<boolean>
  /** Ids of the batches of a model that have not ended, the oldest first. */
  active(model: string): Promise<string[]>
  /** Ids of batches that have ended and are to be looked at: first when they do. */
  due(model: string): Promise<string[]>
  /** Has one that has ended be looked at again at a time, in ms. */
  lookAgain(id: string, at: number): Promise<void>
  /** Removes what waits in the queue for a batch that has ended. Resolves to how many jobs workers still have of it. */
  clearJobs(id: string): Promise<number>
  /** Removes all that is known of a batch. */
  remove(record: Pick<BatchRecord, 'id' | 'about'>): Promise<void>
  /** Takes an id for which there is no record any more off the lists. */
  forget(id: string): Promise<void>
}

export const createBatchStore = ({ redis, namespace, clock }: DatedStore): BatchStore => {
  const [creating, planning, finishing, noting, reopening, ending, opening, restarting, clearing] = [
    createBatch.on(redis),
    planBatch.on(redis),
    finishChunk.on(redis),
    noteFooter.on(redis),
    reopenChunks.on(redis),
    endBatch.on(redis),
    openChunks.on(redis),
    restartBatch.on(redis),
    clearChunkJobs.on(redis),
  ]
  const { batchNotices: channel } = globalKeys(namespace)
  const { notices: deliveryNotices } = deliveryKeys(namespace)
  const keysOf = (id: string) => {
    const model = modelOfBatchId(id)
    if (model === undefined) throw new Error(`not a batch id: ${id}`)
    const keys = modelKeys(namespace, model)
    return { keys, batch: keys.batch(id), chunks: keys.batchChunks(id), done: keys.batchDone(id) }
  }

  const end = async (
    { id, about }: Pick<BatchRecord, 'id' | 'about'>,
    texts: { text: string; completedText: string; failedText: string },
  ) => {
    const { keys, batch, done } = keysOf(id)
    const { maxFailedRows } = about
    const reply = await ending.run({
      keys: {
        batch,
        done,
        active: keys.activeBatches,
        ended: keys.endedBatches,
        undelivered: keys.undeliveredBatches,
      },
      args: {
        id,
        ...texts,
        maxFailedRows: maxFailedRows ?? '',
        now: clock(),
        isTold: about.webhook === null ? 0 : 1,
        channel,
        deliveryNotices,
        model: about.model,
      },
    })
    return reply === '' ? null : parseBatchEnd(reply)
  }
  const textOf = (ended: Omit<BatchEnd, 'completedAt'>) =>
    JSON.stringify({ ...ended, completedAt: clock() } satisfies BatchEnd)

  return {
    create: async (id, about) => {
      const { keys, batch } = keysOf(id)
      const reply = await creating.run({
        keys: { batch, active: keys.activeBatches, index: keys.batchIndex(about.owner) },
        args: {
          id,
          about: JSON.stringify(about),
          owner: about.owner,
          digest: about.digest,
          storage: about.storage,
          createdAt: about.createdAt,
          channel,
          model: about.model,
        },
      })
      return reply === 1
    },
    read: async (id) => parseBatch(id, await redis.hgetall(keysOf(id).batch)),
    plan: async (id, step) => {
      const { batch, chunks } = keysOf(id)
      return (await planning.run({ keys: { batch, chunks }, ...stepArgs(step, clock()) })) === 1
    },
    readChunk: async ({ batchId, chunk }) => {
      const text = await redis.hget(keysOf(batchId).chunks, String(chunk))
      return text === null ? null : chunkSchema.parse(JSON.parse(text))
    },
    finish: async ({ batchId, chunk, firstRow }, done) => {
      const { batch, chunks, done: key } = keysOf(batchId)
      const { crc: _, ...counted } = done
      const reply = await finishing.run({
        keys: { batch, chunks, done: key },
        args: { number: chunk, text: JSON.stringify(done), firstRow, ...counted, now: clock(), paceMs },
      })
      return reply === 1
    },
    noteFooter: async (id, bytes) => {
      const { batch, done } = keysOf(id)
      return (await noting.run({ keys: { batch, done }, args: { bytes } })) === 1
    },
    reopen: async (id, numbers) => {
      const { batch, done } = keysOf(id)
      await reopening.run({ keys: { batch, done }, args: {}, moreArgs: numbers })
    },
    readDone: async (id, numbers) => {
      if (numbers.length === 0) return []
      const texts = await redis.hmget(keysOf(id).done, ...numbers.map(String))
      return texts.map((text) => (text === null ? null : doneChunkSchema.parse(JSON.parse(text))))
    },
    countDone: (id) => redis.hlen(keysOf(id).done),
    open: async (model, owner, { window, storage = '', digests }) => {
      const keys = modelKeys(namespace, model)
      return opening.run({
        keys: { active: keys.activeBatches },
        args: { owner, window, storage, batchStart: keys.batch('') },
        moreArgs: digests,
      })
    },
    end: (record, ended) => end(record, { text: textOf(ended), completedText: '', failedText: '' }),
    endIfDone: (record) =>
      end(record, {
        text: '',
        completedText: textOf({ status: 'completed', error: null }),
        failedText: textOf({ status: 'failed', error: tooManyFailed(record.about) }),
      }),
    restartIfLost: async (id) => {
      const { batch, chunks, done } = keysOf(id)
      return (await restarting.run({ keys: { batch, chunks, done }, args: {} })) === 1
    },
    active: (model) => redis.zrange(modelKeys(namespace, model).activeBatches, '0', '-1'),
    due: (model) =>
      redis.zrangebyscore(modelKeys(namespace, model).endedBatches, '-inf', clock(), 'LIMIT', 0, maxAtOnce),
    lookAgain: async (id, at) => void (await redis.zadd(keysOf(id).keys.endedBatches, 'XX', at, id)),
    clearJobs: (id) => clearing.run(jobsOf(keysOf(id).keys, id)),
    remove: async ({ id, about }) => {
      const { keys, batch, chunks, done } = keysOf(id)
      await redis
        .multi()
        .del(batch, chunks, done)
        .zrem(keys.batchIndex(about.owner), id)
        .zrem(keys.activeBatches, id)
        .zrem(keys.endedBatches, id)
        .zrem(keys.undeliveredBatches, id)
        .exec()
    },
    forget: async (id) => {
      const { keys } = keysOf(id)
      await redis.multi().zrem(keys.activeBatches, id).zrem(keys.endedBatches, id).exec()
    },
  }
}
