import { deliveryKeys, globalKeys } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import type { Dispatcher } from './dispatch.ts'
import type { Freezer } from './freeze-deliveries.ts'

/**
 * Has deliveries made and attempted as soon as there is something to do: at a notice, which may be lost, and once a second
 * for all models.
 */
export const watchDue = async ({
  redis,
  subscriber,
  namespace,
  freezer,
  dispatcher,
  log,
}: {
  redis: Redis
  subscriber: Redis
  namespace: string
  freezer: Freezer
  dispatcher: Dispatcher
  log: Logger
}) => {
  const waiting = new Set<string>()
  let isClosed = false
  let round: Promise<void> | undefined

  const freezeAll = async () => {
    while (waiting.size > 0 && !isClosed) {
      const models = [...waiting]
      waiting.clear()
      await Promise.all(models.map((model) => freezer.freeze(model)))
      dispatcher.wake()
    }
  }
  const look = () => {
    round ??= freezeAll()
      .catch((err: unknown) => log.warn({ err }, 'deliveries could not be made'))
      .finally(() => {
        round = undefined
        if (waiting.size > 0 && !isClosed) look()
      })
  }
  const lookEverywhere = async () => {
    for (const model of await redis.smembers(globalKeys(namespace).models)) waiting.add(model)
    look()
  }

  subscriber.on('message', (_channel, model) => {
    if (model !== '') waiting.add(model)
    if (model === '') dispatcher.wake()
    else look()
  })
  await subscriber.subscribe(deliveryKeys(namespace).notices)
  const timer = setInterval(() => {
    lookEverywhere().catch((err: unknown) => log.debug({ err }, 'models could not be read'))
  }, intervalMs)

  return {
    close: async () => {
      isClosed = true
      clearInterval(timer)
      await round
    },
  }
}

const intervalMs = 1000
