import { randomBytes } from 'node:crypto'
import type { Logger } from '../process/logger.ts'
import { heartbeatIntervalMs } from './card-store.ts'
import { globalKeys } from '../redis/names.ts'
import { levelOf } from '../redis/redis-errors.ts'
import type { RedisStore } from '../redis/redis-store.ts'

/**
 * The secret under which ids and tokens are made, the same in every process: the configured one, or else a random one that
 * the first process leaves in Redis.
 *
 * Where Redis loses it, the first process to notice brings it back from its memory, and whoever had another one by then
 * takes that: Redis keeps the first that it is given, so all agree.
 */
export type SharedSecret = {
  current(): string
  close(): void
}

export const openSharedSecret = async ({
  redis,
  namespace,
  configured,
  log,
}: RedisStore & {
  configured: string | undefined
  log: Pick<Logger, 'warn' | 'debug'>
}): Promise<SharedSecret> => {
  if (configured !== undefined) return { current: () => configured, close: () => undefined }
  const { secret } = globalKeys(namespace)
  /** Resolves to the one that counts, and to null where there was none. */
  const leave = async (own: string) => redis.set(secret, own, 'NX', 'GET')

  const fresh = randomBytes(32).toString('base64url')
  // a process has to start also when Redis is full and takes no writes
  let current = (await redis.get(secret)) ?? (await leave(fresh)) ?? fresh

  let isLooking = false
  const look = async () => {
    const stored = await leave(current)
    if (stored === null) log.warn({ key: secret }, 'redis had lost the shared secret: brought back')
    else if (stored !== current) {
      log.warn(
        { key: secret },
        'redis has another shared secret: links and idempotency keys from before are void',
      )
      current = stored
    }
  }
  const timer = setInterval(() => {
    if (isLooking) return
    isLooking = true
    look()
      .catch((err: unknown) => log[levelOf(err)]({ err }, 'the shared secret could not be looked up'))
      .finally(() => (isLooking = false))
  }, heartbeatIntervalMs).unref()

  return { current: () => current, close: () => clearInterval(timer) }
}
