import { AppError, deliveryIdOf, endpointOf, toDelivery, webhookBody } from '@onqueue/shared'
import type { Delivery, DeliveryRecord, DeliveryStore, PredictionRecord } from '@onqueue/shared'
import type { ListDeliveries } from './list-deliveries.ts'
import type { PredictionReader } from './read-prediction.ts'
import type { ShowPrediction } from './show-prediction.ts'

/** Sends deliveries again: same id and same bytes, from the start of the schedule. */
export type Redeliver = {
  /**
   * One of the owner's. One that is pending is only due at once. Throws `delivery_not_found`, and `payload_expired` for one
   * that was delivered and whose prediction is gone.
   */
  one(id: string, owner: string): Promise<Delivery>
  /** Every failed one that was made at `since` (ms) or later. Resolves to how many. */
  failedSince(since: number, owner: string): Promise<number>
}

export const createRedeliver = ({
  deliveries,
  list,
  reader,
  show,
}: {
  deliveries: DeliveryStore
  list: ListDeliveries
  reader: PredictionReader
  show: ShowPrediction
}): Redeliver => {
  const again = async (record: DeliveryRecord) => {
    const body = record.status === 'delivered' ? await bodyOf(record) : null
    if (!(await deliveries.redeliver(record.id, record, body))) throw deliveryNotFound()
  }

  /** What was delivered is not kept; it is made again of the prediction, which has not changed since. */
  const bodyOf = async ({ predictionId, owner, event }: DeliveryRecord) => {
    const prediction = predictionId === null ? null : await reader.find(predictionId, owner)
    if (!prediction?.job.webhook || event !== 'prediction.completed') {
      throw new AppError('payload_expired', 'it was delivered, and what it carried is not kept any more')
    }
    const { webhookStatus: _, ...unsent } = prediction
    return webhookBody(show(unsent), prediction.job.webhook.payload).text
  }

  return {
    one: async (id, owner) => {
      const record = await deliveries.read(id)
      if (record?.owner !== owner) throw deliveryNotFound()
      await again(record)
      const latest = (await deliveries.read(id)) ?? record
      const [isPaused = false] = await deliveries.isPaused([endpointOf(record)])
      return toDelivery(latest, { isPaused })
    },
    failedSince: async (since, owner) => {
      let count = 0
      let cursor
      do {
        const page = await list({ owner, status: 'failed', since, limit: 100, cursor })
        const records = await Promise.all(page.results.map(({ id }) => deliveries.read(id)))
        const failed = records.filter((record) => record !== null).filter(({ status }) => status === 'failed')
        await Promise.all(failed.map(again))
        count += failed.length
        cursor = page.next ?? undefined
      } while (cursor)
      return count
    },
  }
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
  const [isPaused = false] = await deliveries.isPaused([endpointOf({ owner, url: webhook.url })])
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
