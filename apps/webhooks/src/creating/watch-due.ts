import { deliveryKeys, globalKeys, levelOf } from '@onqueue/shared'
import type { Logger, RedisStore } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import type { DeliveryCreator } from './delivery-creator.ts'

/**
 * Has deliveries created and attempted as soon as there is something to do: at a notice, which may be lost, and once a second
 * for all models.
 */
export const watchDue = async ({
  redis,
  subscriber,
  namespace,
  creator,
  onDue,
  log,
}: RedisStore & {
  subscriber: Redis
  creator: DeliveryCreator
  /** at the notice of a delivery that the API made, or made due again */
  onDue: () => void
  log: Logger
}) => {
  /** One at a time for each model, so that the backlog of one holds up no other. */
  const creating = new Map<string, Promise<void>>()
  const again = new Set<string>()
  let isClosed = false

  const look = (model: string) => {
    if (isClosed) return
    if (creating.has(model)) {
      again.add(model)
      return
    }
    const running = creator
      .createDue(model)
      .catch((err: unknown) => log[levelOf(err)]({ err, model }, 'deliveries could not be made'))
      .finally(() => {
        creating.delete(model)
        if (again.delete(model)) look(model)
      })
    creating.set(model, running)
  }
  const lookEverywhere = async () => {
    for (const model of await redis.smembers(globalKeys(namespace).models)) look(model)
  }

  subscriber.on('message', (_channel, model) => {
    if (model === '') onDue()
    else look(model)
  })
  await subscriber.subscribe(deliveryKeys(namespace).notices)
  const timer = setInterval(() => {
    lookEverywhere().catch((err: unknown) => log.debug({ err }, 'models could not be read'))
  }, intervalMs)

  return {
    close: async () => {
      isClosed = true
      clearInterval(timer)
      await Promise.all(creating.values())
    },
  }
}

const intervalMs = 1000
