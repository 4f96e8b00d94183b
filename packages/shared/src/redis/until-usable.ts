import type { Redis } from 'ioredis'
import { ConfigError } from '../process/environment.ts'
import { infoField } from './redis-info.ts'

const startPatienceMs = 5000

/**
 * Resolves when all connections to the Redis at `url` are ready, and it can hold a queue. Throws a ConfigError, one
 * sentence without the password, when one of them isn't within 5 s, or it can't.
 */
export const untilUsable = async (connections: [Redis, ...Redis[]], url: string) => {
  try {
    await Promise.all(connections.map((connection) => untilReady(connection, startPatienceMs)))
    await checkRedis(connections[0])
  } catch (err) {
    const reason = err instanceof Error ? err.message || err.name : String(err)
    throw new ConfigError(`Redis at ${withoutPassword(url)} can't be used (REDIS_URL): ${reason}`, {
      cause: err,
    })
  }
}

/** Resolves when Redis answers; rejects with the reason when the first connection fails or takes over `timeoutMs`. */
export const untilReady = (redis: Redis, timeoutMs: number) =>
  new Promise<void>((resolve, reject) => {
    if (redis.status === 'ready') return resolve()
    const settle = (finish: () => void) => {
      clearTimeout(timer)
      redis.off('ready', onReady)
      redis.off('error', onError)
      finish()
    }
    const onReady = () => settle(resolve)
    const onError = (err: Error) => settle(() => reject(err))
    const timer = setTimeout(() => onError(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
    redis.on('ready', onReady)
    redis.on('error', onError)
  })

const withoutPassword = (url: string) => url.replace(/\/\/[^@/]*@/, '//')

/** Throws a sentence when this Redis can't hold a queue: older than 7.0, or allowed to evict jobs. */
const checkRedis = async (redis: Redis) => {
  const info = await redis.info()
  const version = infoField(info, 'redis_version') ?? '0'
  if (Number(version.split('.')[0]) < 7) {
    throw new Error(`Redis ${version} is too old; OnQueue needs Redis 7.0 or newer`)
  }
  const policy = infoField(info, 'maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    throw new Error(
      `Redis may evict predictions (maxmemory-policy is ${policy}); set it with: redis-cli config set maxmemory-policy noeviction`,
    )
  }
}
