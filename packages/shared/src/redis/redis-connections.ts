import type { Socket } from 'node:net'
import { Redis } from 'ioredis'
import type { RedisOptions } from 'ioredis'
import type { Logger } from '../process/logger.ts'
import type { RedisCondition } from './redis-condition.ts'
import { Silence } from './silence.ts'

/**
 * Two ways to talk to Redis.
 *
 * A *producer* answers a caller who waits, so it fails fast: nothing is queued while the connection is down, and a
 * Redis that leaves a command unanswered for a second loses the connection. ioredis then fails what was pending and
 * tries to connect again; until the new connection has answered, every command fails at once. A hung Redis is thereby
 * the same as a dead one. A *consumer* has nobody waiting, so its commands wait for Redis for ever.
 */
const silenceLimitMs = 1000
/** Between connections that are dropped since they lead to the wrong place. */
const redialMs = 500

/** What connections are made with. `condition` is told of what Redis refuses. */
type Dialing = { log: Logger; condition: RedisCondition }

export const connectProducer = (url: string, dialing: Dialing) =>
  dropWhenSilent(
    connect(url, dialing, {
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
 * doesn't take its own pause for one of Redis (`silence.ts`). ioredis' `socketTimeout` does.
 */
const dropWhenSilent = (redis: Redis) => {
  const maxLooks = 4
  const intervalMs = silenceLimitMs / maxLooks
  const silence = new Silence({ intervalMs, maxLooks, now: performance.now() })
  const timer = setInterval(() => {
    const oldest = redis.commandQueue.peekFront()?.command
    if (silence.look(oldest, performance.now()))
      redis.stream.destroy(new Error('Redis did not answer in time'))
  }, intervalMs).unref()
  redis.once('end', () => clearInterval(timer))
  return redis
}

export const connectConsumer = (url: string, dialing: Dialing) =>
  connect(url, dialing, {
    connectionName: 'onqueue-consumer',
    maxRetriesPerRequest: null,
    connectTimeout: 5000,
    retryStrategy: patiently(dialing),
  })

/** A connection that listens to channels: resubscribes after a loss, and never waits with a command. */
export const connectSubscriber = (url: string, dialing: Dialing) =>
  connect(url, dialing, {
    connectionName: 'onqueue-subscriber',
    maxRetriesPerRequest: null,
    connectTimeout: 1000,
    retryStrategy: patiently(dialing),
  })

/** A connection that is dropped as soon as it is made counts as its first attempt again and again. */
const patiently =
  ({ condition }: Dialing) =>
  (attempt: number) =>
    Math.min(Math.max(50 * attempt, condition.isRefusing() ? redialMs : 0), 1000)

const connect = (url: string, { log, condition }: Dialing, options: Omit<RedisOptions, 'replyMapping'>) => {
  const redis = new Redis(url, {
    ...options,
    maxLoadingRetryTime: 500,
    // BullMQ's connections are copies of ours, and have this too
    reconnectOnError: (err) => condition.saw(err),
  })
  // whoever publishes a model listens until it is ready again; and BullMQ, which adds to the number, makes 3 of a 0
  redis.setMaxListeners(Infinity)
  condition.include(redis)
  redis.on('connect', () => writeTogether(redis.stream))
  let lost = false
  redis.on('error', (err) => {
    condition.saw(err)
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
