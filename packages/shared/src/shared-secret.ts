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
  const fresh = randomBytes(32).toString('base64url')
  return (await redis.set(globalKeys(namespace).secret, fresh, 'NX', 'GET')) ?? fresh
}
