import { deliveryKeys, modelKeys, undeliveredMember } from '@onqueue/shared'
import type { DatedStore, PredictionJobData } from '@onqueue/shared'

/**
 * Has the webhook about the start of a prediction made, where its owner asked for one. Best effort: nothing waits for
 * it, and where it is lost the prediction goes on all the same.
 */
export const announceStart = (
  { redis, namespace, clock }: DatedStore,
  id: string,
  { model, webhook }: Pick<PredictionJobData, 'model' | 'webhook'>,
) => {
  if (!webhook?.events.includes('start')) return
  redis
    .pipeline()
    .zadd(modelKeys(namespace, model).undelivered, clock(), undeliveredMember.start(id))
    .publish(deliveryKeys(namespace).notices, model)
    .exec()
    .catch(() => undefined)
}
