import { checkRedis, ConfigError, connectProducer, connectSubscriber, untilReady } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import type { Redis } from 'ioredis'

/** The connections of one API process. */
export type RedisAccess = {
  /** for everything a request waits for */
  redis: Redis
  /** for long inputs, which would hold up the short commands of other requests */
  bulk: Redis
  /** listens to channels, and nothing else */
  subscriber: Redis
  close(): void
}

const patienceMs = 5000

/** Connects, and throws one sentence when this Redis can't be reached or can't hold a queue. */
export const openRedis = async (url: string, log: Logger): Promise<RedisAccess> => {
  const redis = connectProducer(url, log)
  const bulk = connectProducer(url, log)
  const subscriber = connectSubscriber(url, log)
  const connections = [redis, bulk, subscriber]
  const close = () => {
    for (const connection of connections) connection.disconnect()
  }
  try {
    await Promise.all(connections.map((connection) => untilReady(connection, patienceMs)))
    await checkRedis(redis)
    return { redis, bulk, subscriber, close }
  } catch (err) {
    close()
    const reason = err instanceof Error ? err.message || err.name : String(err)
    throw new ConfigError(`Redis at ${withoutPassword(url)} can't be used (REDIS_URL): ${reason}`, {
      cause: err,
    })
  }
}

const withoutPassword = (url: string) => url.replace(/\/\/[^@/]*@/, '//')
