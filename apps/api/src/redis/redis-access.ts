import { connectProducer, connectSubscriber, untilUsable } from '@onqueue/shared'
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

/** Connects, and throws one sentence when this Redis can't be reached or can't hold a queue. */
export const openRedis = async (url: string, log: Logger): Promise<RedisAccess> => {
  const redis = connectProducer(url, log)
  const bulk = connectProducer(url, log)
  const subscriber = connectSubscriber(url, log)
  const close = () => {
    for (const connection of [redis, bulk, subscriber]) connection.disconnect()
  }
  try {
    await untilUsable([redis, bulk, subscriber], url)
    return { redis, bulk, subscriber, close }
  } catch (err) {
    close()
    throw err
  }
}
