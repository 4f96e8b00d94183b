import type { Redis } from 'ioredis'
import { ConfigError } from '../process/environment.ts'
import { infoField } from './redis-info.ts'

/** Resolves when the connection is ready, however long that takes; rejects when the signal aborts. */
export const untilReady = (redis: Redis, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const settle = (finish: () => void) => {
      redis.off('ready', onReady)
      signal.removeEventListener('abort', onAbort)
      finish()
    }
    const onReady = () => settle(resolve)
    const onAbort = () => settle(() => reject(signal.reason))
    if (signal.aborted) return onAbort()
    if (redis.status === 'ready') return resolve()
    redis.on('ready', onReady)
    signal.addEventListener('abort', onAbort)
  })

/**
 * Throws a ConfigError, one sentence without the password, when this Redis can't hold a queue: older than 7.0, or allowed
 * to evict jobs.
 */
export const checkRedis = async (redis: Redis, url: string) => {
  const info = await redis.info()
  const problem = problemOf(info)
  if (problem !== undefined)
    throw new ConfigError(`Redis at ${withoutPassword(url)} can't be used (REDIS_URL): ${problem}`)
}

const problemOf = (info: string) => {
  const version = infoField(info, 'redis_version') ?? '0'
  if (Number(version.split('.')[0]) < 7) {
    return `Redis ${version} is too old; OnQueue needs Redis 7.0 or newer`
  }
  const policy = infoField(info, 'maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    return `Redis may evict predictions (maxmemory-policy is ${policy}); set it with: redis-cli config set maxmemory-policy noeviction`
  }
  return undefined
}

const withoutPassword = (url: string) => url.replace(/\/\/[^/]*@/, '//')
