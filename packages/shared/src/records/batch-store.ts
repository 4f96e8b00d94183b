import { parseBatch, parseBatchEnd } from '../contract/batch-record.ts'
import type { BatchAbout, BatchEnd, BatchRecord } from '../contract/batch-record.ts'
import { deliveryKeys, globalKeys, modelKeys } from '../redis/names.ts'
import type { DatedStore } from '../redis/redis-store.ts'
import { batchKeys } from './batch-keys.ts'
import { createChunkStore } from './chunk-store.ts'
import type { ChunkStore } from './chunk-store.ts'
import { clearChunkJobs, jobsOf } from './clear-chunk-jobs.ts'
import { countBatches } from './count-batches.ts'
import { createBatch } from './create-batch.ts'
import { endBatch } from './end-batch.ts'
import { restartBatch } from './restart-batch.ts'

const maxAtOnce = 200

/**
 * The records of batches: what was asked for, the plan, which chunks are done, and how it ended. Rows are never in Redis. Every step
 * may be done twice, and by a process that was frozen: what counts is who came first.
 */
export type BatchStore = ChunkStore & {
  /** `known` where there is one of the id already, `full` where its owner has `maxActive` of the model that have not ended. */
  create(id: string, about: BatchAbout, options?: { maxActive?: number }): Promise<'made' | 'known' | 'full'>
  /** How many batches of a model an owner has that have not ended. */
  countActive(model: string, owner: string): Promise<number>
  read(id: string): Promise<BatchRecord | null>
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
  const [creating, counting, ending, restarting, clearing] = [
    createBatch.on(redis),
    countBatches.on(redis),
    endBatch.on(redis),
    restartBatch.on(redis),
    clearChunkJobs.on(redis),
  ]
  const { batchNotices: channel } = globalKeys(namespace)
  const { notices: deliveryNotices } = deliveryKeys(namespace)
  const keysOf = (id: string) => batchKeys(namespace, id)

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
    ...createChunkStore({ redis, namespace, clock }),
    create: async (id, about, { maxActive } = {}) => {
      const { keys, batch } = keysOf(id)
      return creating.run({
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
          maxActive: maxActive ?? '',
          batchStart: keys.batch(''),
        },
      })
    },
    countActive: async (model, owner) => {
      const keys = modelKeys(namespace, model)
      return counting.run({
        keys: { active: keys.activeBatches },
        args: { owner, batchStart: keys.batch('') },
      })
    },
    read: async (id) => parseBatch(id, await redis.hgetall(keysOf(id).batch)),
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

const tooManyFailed = ({ maxFailedRows }: BatchAbout) => ({
  code: 'too_many_failed_rows' as const,
  detail: `more than ${maxFailedRows} rows failed, which is what max_failed_rows allows; the errors file tells of them`,
})
