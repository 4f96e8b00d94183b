import type { Socket } from 'node:net'
import { Redis } from 'ioredis'
import type { RedisOptions } from 'ioredis'
import { ConfigError } from '../process/environment.ts'
import type { Logger } from '../process/logger.ts'

/**
 * Two ways to talk to Redis.
 *
 * A *producer* answers a caller who waits, so it fails fast: nothing is queued while the connection is down, and a
 * Redis that leaves a command unanswered for a second loses the connection. ioredis then fails what was pending and
 * tries to connect again; until the new connection has answered, every command fails at once. A hung Redis is thereby
 * the same as a dead one. A *consumer* has nobody waiting, so its commands wait for Redis for ever.
 */
const silenceLimitMs = 1000

export const connectProducer = (url: string, log: Logger) =>
  dropWhenSilent(
    connect(url, log, {
      connectionName: 'onqueue-producer',
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: silenceLimitMs,
      retryStrategy: () => 250,
    }),
  )

/**
 * Drops the connection when its oldest command stays unanswered for the limit. Looked at in four steps, each after a
 * turn of the event loop: a process that was itself held up for a second finds the answers before it counts again, and
 * doesn't take its own pause for one of Redis. (ioredis' `socketTimeout` does.)
 */
const dropWhenSilent = (redis: Redis) => {
  const steps = 4
  let oldest: unknown
  let silentSteps = 0
  const timer = setInterval(() => {
    const first = redis.commandQueue.peekFront()?.command
    silentSteps = first !== undefined && first === oldest ? silentSteps + 1 : 0
    oldest = first
    if (silentSteps >= steps) redis.stream.destroy(new Error('Redis did not answer in time'))
  }, silenceLimitMs / steps).unref()
  redis.once('end', () => clearInterval(timer))
  return redis
}

export const connectConsumer = (url: string, log: Logger) =>
  connect(url, log, {
    connectionName: 'onqueue-consumer',
    maxRetriesPerRequest: null,
    connectTimeout: 5000,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1000),
  })

/** A connection that listens to channels: resubscribes after a loss, and never waits with a command. */
export const connectSubscriber = (url: string, log: Logger) =>
  connect(url, log, {
    connectionName: 'onqueue-subscriber',
    maxRetriesPerRequest: null,
    connectTimeout: 1000,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1000),
  })

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

const withoutPassword = (url: string) => url.replace(/\/\/[^@/]*@/, '//')

/** Throws a sentence when this Redis can't hold a queue: older than 7.0, or allowed to evict jobs. */
const checkRedis = async (redis: Redis) => {
  const info = await redis.info()
  const version = field(info, 'redis_version') ?? '0'
  if (Number(version.split('.')[0]) < 7) {
    throw new Error(`Redis ${version} is too old; OnQueue needs Redis 7.0 or newer`)
  }
  const policy = field(info, 'maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    throw new Error(
      `Redis may evict predictions (maxmemory-policy is ${policy}); set it with: redis-cli config set maxmemory-policy noeviction`,
    )
  }
}

/** Memory in use and its limit, in bytes; `limitBytes` is 0 where there is none. */
export const readRedisMemory = async (redis: Redis) => {
  const info = await redis.info('memory')
  return {
    usedBytes: Number(field(info, 'used_memory') ?? 0),
    limitBytes: Number(field(info, 'maxmemory') ?? 0),
  }
}

/** True when the error says that Redis could not be reached or did not answer, rather than that it refused a command. */
export const isConnectionError = (err: unknown): boolean =>
  err instanceof Error &&
  (/isn't writeable|Connection is closed|did not answer in time|max retries per request|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|LOADING|command was aborted|UNBLOCKED/i.test(
    err.message,
  ) ||
    err.name === 'MaxRetriesPerRequestError' ||
    err.name === 'AbortError')

/** True when Redis refused a write because it has reached its maxmemory. */
export const isOutOfMemory = (err: unknown) => err instanceof Error && err.message.startsWith('OOM ')

/** True when a failed command was never written to Redis, so that it certainly had no effect. */
export const wasNeverSent = (err: unknown) => err instanceof Error && /isn't writeable/.test(err.message)

const connect = (url: string, log: Logger, options: Omit<RedisOptions, 'replyMapping'>) => {
  const redis = new Redis(url, options)
  redis.on('connect', () => writeTogether(redis.stream))
  let lost = false
  redis.on('error', (err) => {
    if (!lost) log.warn({ connection: options.connectionName, reason: err.message }, 'redis connection lost')
    lost = true
  })
  redis.on('ready', () => {
    if (lost) log.info({ connection: options.connectionName }, 'redis connection restored')
    lost = false
  })
  return redis
}

/**
 * Holds back what is written to a socket until the end of the turn of the event loop, and writes it at once. ioredis
 * makes a system call of every command; under load a turn has dozens of them.
 */
const writeTogether = (socket: Socket) => {
  const write = socket.write.bind(socket)
  let isHeld = false
  const hold = () => {
    if (isHeld) return
    isHeld = true
    socket.cork()
    setImmediate(() => {
      isHeld = false
      socket.uncork()
    })
  }
  Object.assign(socket, {
    write: (...chunk: Parameters<typeof write>) => {
      hold()
      return write(...chunk)
    },
  })
}

const field = (info: string, name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
