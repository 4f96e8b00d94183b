import { chunkSchema, doneChunkSchema } from '../contract/batch-record.ts'
import type { BatchChunk, DoneChunk } from '../contract/batch-record.ts'
import { modelKeys } from '../redis/names.ts'
import type { DatedStore } from '../redis/redis-store.ts'
import { batchKeys } from './batch-keys.ts'
import { finishChunk } from './finish-chunk.ts'
import { noteFooter } from './note-footer.ts'
import { openChunks } from './open-chunks.ts'
import type { ChunkPlace, Scorer } from './open-chunks.ts'
import { planBatch } from './plan-batch.ts'
import type { PlanStep } from './plan-batch.ts'
import { reopenChunks } from './reopen-chunks.ts'

/** The pace of a batch is that of the last one or two of these. */
const paceMs = 15_000

/** The chunks of batches: how files are cut into them, and what became of each. */
export type ChunkStore = {
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
}

export const createChunkStore = ({ redis, namespace, clock }: DatedStore): ChunkStore => {
  const [planning, finishing, noting, reopening, opening] = [
    planBatch.on(redis),
    finishChunk.on(redis),
    noteFooter.on(redis),
    reopenChunks.on(redis),
    openChunks.on(redis),
  ]
  const keysOf = (id: string) => batchKeys(namespace, id)

  return {
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
  }
}
