import { connectProducer, connectSubscriber, createRedisClock, RedisCondition } from '@onqueue/shared'
import type { Logger, PredictionQueues, RedisClock } from '@onqueue/shared'
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
  clock: RedisClock
  /** all that have to be there before the rest can be opened */
  all: readonly [Redis, ...Redis[]]
  close(): Promise<void>
}

/** Connects, now or as soon as there is a Redis. */
export const openRedis = ({
  url,
  namespace,
  log,
}: {
  url: string
  namespace: string
  log: Logger
}): RedisAccess => {
  const condition = new RedisCondition({ log })
  const redis = connectProducer(url, { log, condition })
  const bulk = connectProducer(url, { log, condition })
  const subscriber = connectSubscriber(url, { log, condition })
  condition.watch({ redis, namespace })
  const clock = createRedisClock({ redis, log })
  const all = [redis, bulk, subscriber] as const
  const queues = openPredictionQueues({ redis, namespace })
  const close = async () => {
    condition.close()
    clock.close()
    await queues.close()
    for (const connection of all) connection.disconnect()
  }
  return { redis, bulk, channels: createChannels(subscriber), queues, condition, clock, all, close }
}
