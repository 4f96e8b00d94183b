import { randomBytes } from 'node:crypto'
import { globalKeys } from './names.ts'
import type { RedisStore } from './redis-store.ts'

/**
 * The secret under which ids and tokens are made, the same in every API process: the configured one, or else a random
 * one that the first process leaves in Redis.
 */
export const readSharedSecret = async ({
  redis,
  namespace,
  configured,
}: RedisStore & { configured: string | undefined }) => {
  if (configured !== undefined) return configured
  const { secret } = globalKeys(namespace)
  // a process has to start also when Redis is full and takes no writes
  const known = await redis.get(secret)
  if (known !== null) return known
  const fresh = randomBytes(32).toString('base64url')
  return (await redis.set(secret, fresh, 'NX', 'GET')) ?? fresh
}
