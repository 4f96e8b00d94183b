import { parseDelivery } from '../contract/delivery.ts'
import type { DeliveryAbout, DeliveryRecord } from '../contract/delivery.ts'
import { endpointOf } from '../contract/endpoint.ts'
import { modelOfPredictionId } from '../contract/prediction-id.ts'
import { createDelivery } from './create-delivery.ts'
import { discardDelivery } from './discard-delivery.ts'
import { createEndpointStore } from './endpoint-store.ts'
import type { EndpointStore } from './endpoint-store.ts'
import { deliveryKeys, modelKeys } from '../redis/names.ts'
import { redeliverDelivery } from './redeliver-delivery.ts'
import type { DatedStore } from '../redis/redis-store.ts'
import { undeliveredMember } from './undelivered.ts'

/**
 * Deliveries in Redis: making them, reading them, and what their owner can do with them. Attempts are made from the
 * schedule, by apps/webhooks alone.
 */
export type DeliveryStore = EndpointStore & {
  /** Makes a delivery that is due at once, and resolves to true; to false when it was made before: then nothing changes. */
  create(id: string, about: DeliveryAbout, body: string): Promise<boolean>
  read(id: string): Promise<DeliveryRecord | null>
  /**
   * Attempts a delivery again from the start of the schedule; one that is pending is only due at once. `body` is for one
   * that was delivered, or has lost its frozen body: without it nothing happens to such a one.
   */
  redeliver(
    id: string,
    about: DeliveryAbout,
    body: string | null,
  ): Promise<'due' | 'not-found' | 'body-needed'>
  /** Removes a delivery with its body; it is not attempted any more. Resolves to false when there was none. */
  discard(id: string, about: DeliveryAbout): Promise<boolean>
  /** The delivery has ended: a prediction that was kept for it may go. */
  release(about: DeliveryAbout): Promise<void>
  /** Has what is due attempted at once, rather than when somebody looks next. */
  announce(): Promise<void>
  /** Bytes of the owner's frozen bodies. */
  frozenBytes(owner: string): Promise<number>
}

export const createDeliveryStore = ({ redis, namespace, clock }: DatedStore): DeliveryStore => {
  const keys = deliveryKeys(namespace)
  const endpoints = createEndpointStore({ redis, namespace, clock })
  const [create, redeliver, discard] = [
    createDelivery.on(redis),
    redeliverDelivery.on(redis),
    discardDelivery.on(redis),
  ]

  const announce = async () => void (await redis.publish(keys.notices, ''))

  const release = async ({ predictionId, holdsPrediction }: DeliveryAbout) => {
    const model = predictionId === null ? undefined : modelOfPredictionId(predictionId)
    if (!holdsPrediction || predictionId === null || model === undefined) return
    await redis.zrem(modelKeys(namespace, model).undelivered, undeliveredMember.held(predictionId))
  }

  const keysOf = (id: string, about: DeliveryAbout) => ({
    delivery: keys.delivery(id),
    body: keys.body(id),
    schedule: keys.schedule(endpointOf(about)),
    endpoints: keys.endpoints,
    index: keys.index(about.owner),
    origins: keys.origins(about.owner),
    delivered: keys.delivered,
    failed: keys.failed,
    bytes: keys.bytes(about.owner),
  })

  return {
    ...endpoints,
    resume: async (owner, origin) => {
      const isKnown = await endpoints.resume(owner, origin)
      await announce()
      return isKnown
    },
    create: async (id, about, text) => {
      const reply = await create.run({
        keys: keysOf(id, about),
        args: {
          id,
          endpoint: endpointOf(about),
          origin: new URL(about.url).origin,
          now: clock(),
          about: JSON.stringify(about),
          createdAt: about.createdAt,
          text,
        },
      })
      return reply === 1
    },
    read: async (id) => parseDelivery(id, await redis.hgetall(keys.delivery(id))),
    redeliver: async (id, about, text) => {
      const reply = await redeliver.run({
        keys: keysOf(id, about),
        args: { id, endpoint: endpointOf(about), now: clock(), text: text ?? '' },
      })
      if (reply === 'due') await announce()
      return reply
    },
    discard: async (id, about) => {
      const reply = await discard.run({ keys: keysOf(id, about), args: { id } })
      await release(about)
      return reply === 1
    },
    release,
    announce,
    frozenBytes: async (owner) => Number((await redis.get(keys.bytes(owner))) ?? 0),
  }
}
