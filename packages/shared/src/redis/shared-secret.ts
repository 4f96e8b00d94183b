import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { globalKeys } from './names.ts'

/**
 * The secret under which ids and tokens are made, the same in every API process: the configured one, or else a random
 * one that the first process leaves in Redis.
 */
export const readSharedSecret = async ({
  redis,
  namespace,
  configured,
}: {
  redis: Redis
  namespace: string
  configured: string | undefined
}) => {
  if (configured !== undefined) return configured
  const { secret } = globalKeys(namespace)
  // a process has to start also when Redis is full and takes no writes
  const known = await redis.get(secret)
  if (known !== null) return known
  const fresh = randomBytes(32).toString('base64url')
  return (await redis.set(secret, fresh, 'NX', 'GET')) ?? fresh
}
