import { AppError, deliveryIdOf, endpointOf, toDelivery } from '@onqueue/shared'
import type { Delivery, DeliveryRecord, DeliveryStore, PredictionRecord } from '@onqueue/shared'

/** A delivery as its owner sees it; null where there is none. */
export const readDelivery = async (deliveries: DeliveryStore, id: string): Promise<Delivery | null> => {
  const record = await deliveries.read(id)
  if (!record) return null
  const isPaused = await deliveries.isPaused(endpointOf(record))
  return toDelivery(record, { isPaused })
}

export const deliveryNotFound = () =>
  new AppError(
    'delivery_not_found',
    'no such delivery; delivered ones are kept as long as predictions, failed ones for a week',
  )

/** The deliveries of a prediction: those that are kept, and the one about its end while it is still to come. */
export const deliveriesOf = async (
  deliveries: DeliveryStore,
  { id, job, webhookStatus }: PredictionRecord,
): Promise<Delivery[]> => {
  const { webhook, owner, createdAt } = job
  if (!webhook) return []
  const isPaused = await deliveries.isPaused(endpointOf({ owner, url: webhook.url }))
  const shown = await Promise.all(
    (['start', 'completed'] as const)
      .filter((event) => webhook.events.includes(event))
      .map(async (event) => {
        const deliveryId = deliveryIdOf(id, event)
        const record = await deliveries.read(deliveryId)
        if (record) return toDelivery(record, { isPaused })
        return event === 'completed' && webhookStatus === 'pending'
          ? toDelivery(toCome(deliveryId, { id, owner, url: webhook.url, createdAt }), { isPaused })
          : null
      }),
  )
  return shown.filter((delivery) => delivery !== null)
}

const toCome = (
  deliveryId: string,
  { id, owner, url, createdAt }: { id: string; owner: string; url: string; createdAt: number },
): DeliveryRecord => ({
  id: deliveryId,
  owner,
  predictionId: id,
  event: 'prediction.completed',
  url,
  createdAt,
  holdsPrediction: false,
  status: 'pending',
  attempts: [],
  tries: 0,
  nextAt: null,
  endedAt: null,
})
