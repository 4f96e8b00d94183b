import { fileKeys, modelKeys, modelOfBatchId } from '@onqueue/shared'
import type { RedisStore } from '@onqueue/shared'

/**
 * Lets go of files for batches of which Redis has lost the record: nobody else would, and their owner could never delete them. A batch has
 * its record before it holds its file, so what has none is gone. Resolves to how many were let go of.
 */
export const releaseFiles = async ({ redis, namespace }: RedisStore, keys: readonly string[]) => {
  const start = fileKeys(namespace).uses('')
  let released = 0
  for (const key of keys.filter((one) => one.startsWith(start))) {
    for (const user of await redis.smembers(key)) {
      const model = modelOfBatchId(user)
      if (model === undefined || (await redis.exists(modelKeys(namespace, model).batch(user))) === 1) continue
      released += await redis.srem(key, user)
    }
  }
  return released
}
