import { deliveryIdOf, endpointOf, modelKeys, toDelivery, undeliveredMember } from '@onqueue/shared'
import type { DeliveryStore, PredictionRecord, RedisStore } from '@onqueue/shared'

/**
 * How the delivery about the end of a prediction stands: its status; `pending` while it is still to be created; or `gone`:
 * discarded by its owner, or delivered and swept when memory was short. Undefined where none was asked for.
 */
export type ReadWebhookStatus = (record: PredictionRecord) => Promise<string | undefined>

export const createWebhookStatusReader =
  ({
    redis,
    namespace,
    deliveries,
  }: RedisStore & { deliveries: Pick<DeliveryStore, 'read' | 'isPaused'> }): ReadWebhookStatus =>
  async ({ id, job, outcome }) => {
    const { model, owner, webhook } = job
    if (!webhook?.events.includes('completed')) return undefined
    const delivery = await deliveries.read(deliveryIdOf(id, 'completed'))
    if (delivery) {
      const isPaused = await deliveries.isPaused(endpointOf({ owner, url: webhook.url }))
      return toDelivery(delivery, { isPaused }).status
    }
    if (outcome === null) return 'pending'
    const { undelivered } = modelKeys(namespace, model)
    const isToCome = (await redis.zscore(undelivered, undeliveredMember.completed(id))) !== null
    return isToCome ? 'pending' : 'gone'
  }
