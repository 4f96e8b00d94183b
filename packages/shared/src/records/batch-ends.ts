import { parseBatchEnd } from '../contract/batch-record.ts'
import type { BatchAbout, BatchEnd, BatchRecord } from '../contract/batch-record.ts'
import { deliveryKeys, globalKeys, modelKeys } from '../redis/names.ts'
import type { DatedStore } from '../redis/redis-store.ts'
import { endBatch } from './end-batch.ts'

/** How batches end: it is written once, and what is asked for is only what happens where nobody came before. */
export type BatchEnds = {
  /** Ends a batch, unless it has; resolves to the end that counts, null where it is gone. */
  end(record: Pick<BatchRecord, 'id' | 'about'>, end: Omit<BatchEnd, 'completedAt'>): Promise<BatchEnd | null>
  /** The same if its counts say so; null where it goes on. */
  endIfDone(record: Pick<BatchRecord, 'id' | 'about'>): Promise<BatchEnd | null>
}

export const createBatchEnds = ({ redis, namespace, clock }: DatedStore): BatchEnds => {
  const ending = endBatch.on(redis)
  const { batchNotices: channel } = globalKeys(namespace)
  const { notices: deliveryNotices } = deliveryKeys(namespace)

  const end = async (
    { id, about }: Pick<BatchRecord, 'id' | 'about'>,
    texts: { text: string; completedText: string; failedText: string },
  ) => {
    const { maxFailedRows, model, webhook } = about
    const keys = modelKeys(namespace, model)
    const reply = await ending.run({
      keys: {
        batch: keys.batch(id),
        done: keys.batchDone(id),
        active: keys.activeBatches,
        ended: keys.endedBatches,
        undelivered: keys.undeliveredBatches,
      },
      args: {
        id,
        ...texts,
        maxFailedRows: maxFailedRows ?? '',
        now: clock(),
        isTold: webhook === null ? 0 : 1,
        channel,
        deliveryNotices,
        model,
      },
    })
    return reply === '' ? null : parseBatchEnd(reply)
  }
  const textOf = (ended: Omit<BatchEnd, 'completedAt'>) =>
    JSON.stringify({ ...ended, completedAt: clock() } satisfies BatchEnd)

  return {
    end: (record, ended) => end(record, { text: textOf(ended), completedText: '', failedText: '' }),
    endIfDone: (record) =>
      end(record, {
        text: '',
        completedText: textOf({ status: 'completed', error: null }),
        failedText: textOf({ status: 'failed', error: tooManyFailed(record.about) }),
      }),
  }
}

const tooManyFailed = ({ maxFailedRows }: BatchAbout) => ({
  code: 'too_many_failed_rows' as const,
  detail: `more than ${maxFailedRows} rows failed, which is what max_failed_rows allows; the errors file tells of them`,
})
