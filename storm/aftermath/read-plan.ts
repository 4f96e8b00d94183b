import { createHash } from 'node:crypto'
import { modelKeys, modelOfBatchId, parseBatch } from '@onqueue/shared'
import type { Redis } from 'ioredis'

/** How the rows of a batch were put together: its output is the same to the byte where that is. */
export type BatchPlan = { microBatchRows: number; chunks: number; sha256: string }

export const readPlan = async (
  { redis, namespace }: { redis: Redis; namespace: string },
  id: string,
): Promise<BatchPlan> => {
  const keys = modelKeys(namespace, modelOfBatchId(id) ?? '')
  const record = parseBatch(id, await redis.hgetall(keys.batch(id)))
  const planned = await redis.hgetall(keys.batchChunks(id))
  const inOrder = Object.keys(planned).toSorted((a, b) => Number(a) - Number(b))
  const chunks = inOrder.map((number) => planned[number])
  const sha256 = createHash('sha256').update(JSON.stringify(chunks)).digest('hex')
  return { microBatchRows: record?.about.microBatchRows ?? 0, chunks: chunks.length, sha256 }
}
