import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chunkQueueName, fileKeys, modelKeys } from '@onqueue/shared'
import type { Redis } from 'ioredis'

type Place = { redis: Redis; namespace: string; model: string; storage: string }

/** What of batches and uploads is nothing when none is under way, in Redis and in the storage. */
export const readBatchCounters = async ({
  redis,
  namespace,
  model,
  storage,
}: Place): Promise<Record<string, number>> => {
  const { queue, activeBatches, undeliveredBatches } = modelKeys(namespace, model)
  const chunks = (part: string) => queue(part, chunkQueueName)
  const files = fileKeys(namespace)
  const countKeys = async (pattern: string) => (await redis.keys(pattern)).length
  const counters = {
    'batches under way': redis.zcard(activeBatches),
    'batches not told': redis.zcard(undeliveredBatches),
    'chunks waiting': redis.llen(chunks('wait')),
    'chunks prioritized': redis.zcard(chunks('prioritized')),
    'chunks delayed': redis.zcard(chunks('delayed')),
    'chunks active': redis.llen(chunks('active')),
    'chunks given up': redis.zcard(chunks('failed')),
    'jobs of chunks': countKeys(chunks('batch-*')),
    'uploads under way': redis.zcard(files.uploads),
    'files in use': countKeys(files.uses('*')),
    'files to be removed': countKeys(files.removed('*')),
    'files unfinished': readdir(join(storage, 'incoming')).then(({ length }) => length),
  }
  return Object.fromEntries(
    await Promise.all(Object.entries(counters).map(async ([name, count]) => [name, await count] as const)),
  )
}
