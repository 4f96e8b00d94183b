import { chunkSchema, doneChunkSchema, modelOfBatchId, parseBatch } from '../contract/batch-record.ts'
import type { BatchAbout, BatchChunk, BatchRecord, DoneChunk } from '../contract/batch-record.ts'
import { globalKeys, modelKeys } from '../redis/names.ts'
import type { DatedStore } from '../redis/redis-store.ts'
import { createBatchEnds } from './batch-ends.ts'
import type { BatchEnds } from './batch-ends.ts'
import { clearChunkJobs, jobsOf } from './clear-chunk-jobs.ts'
import { createBatch } from './create-batch.ts'
import { finishChunk } from './finish-chunk.ts'
import { openChunks } from './open-chunks.ts'
import type { ChunkPlace, Scorer } from './open-chunks.ts'
import { noteFooter } from './note-footer.ts'
import { planBatch } from './plan-batch.ts'
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
export type BatchStore = BatchEnds & {
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
  const [creating, planning, finishing, noting, reopening, opening, restarting, clearing] = [
    createBatch.on(redis),
    planBatch.on(redis),
    finishChunk.on(redis),
    noteFooter.on(redis),
    reopenChunks.on(redis),
    openChunks.on(redis),
    restartBatch.on(redis),
    clearChunkJobs.on(redis),
  ]
  const { batchNotices: channel } = globalKeys(namespace)
  const keysOf = (id: string) => {
    const model = modelOfBatchId(id)
    if (model === undefined) throw new Error(`not a batch id: ${id}`)
    const keys = modelKeys(namespace, model)
    return { keys, batch: keys.batch(id), chunks: keys.batchChunks(id), done: keys.batchDone(id) }
  }

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
    plan: async (id, { from, to, chunks: planned, isPlanned, headerBytes, rowMs }) => {
      const { batch, chunks } = keysOf(id)
      const reply = await planning.run({
        keys: { batch, chunks },
        args: {
          from: from.chunk === 0 ? '' : JSON.stringify(from),
          cursor: JSON.stringify(to),
          isPlanned: isPlanned ? 1 : 0,
          headerBytes,
          rowMs,
          now: clock(),
        },
        moreArgs: planned.flatMap((chunk, index) => [from.chunk + index, JSON.stringify(chunk), chunk.rows]),
      })
      return reply === 1
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
    ...createBatchEnds({ redis, namespace, clock }),
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
