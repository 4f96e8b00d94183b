import { connectProducer, connectSubscriber, RedisCondition, untilUsable } from '@onqueue/shared'
import type { Logger, PredictionQueues } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { createChannels } from './channels.ts'
import type { Channels } from './channels.ts'
import { openPredictionQueues } from './prediction-queues.ts'

/** The connections of one API process, and what is done on them all over it. */
export type RedisAccess = {
  /** for everything a request waits for */
  redis: Redis
  /** for long inputs, which would hold up the short commands of other requests */
  bulk: Redis
  /** on a connection of their own, which does nothing else */
  channels: Channels
  queues: PredictionQueues
  /** whether it does what it is asked */
  condition: RedisCondition
  close(): Promise<void>
}

/** Connects, and throws one sentence when this Redis can't be reached or can't hold a queue. */
export const openRedis = async ({
  url,
  namespace,
  log,
}: {
  url: string
  namespace: string
  log: Logger
}): Promise<RedisAccess> => {
  const condition = new RedisCondition({ log })
  const redis = connectProducer(url, { log, condition })
  const bulk = connectProducer(url, { log, condition })
  const subscriber = connectSubscriber(url, { log, condition })
  condition.watch({ redis, namespace })
  const disconnect = () => {
    condition.close()
    for (const connection of [redis, bulk, subscriber]) connection.disconnect()
  }
  try {
    await untilUsable([redis, bulk, subscriber], url)
  } catch (err) {
    disconnect()
    throw err
  }
  const queues = openPredictionQueues({ redis, namespace })
  const close = async () => {
    await queues.close()
    disconnect()
  }
  return { redis, bulk, channels: createChannels(subscriber), queues, condition, close }
}
