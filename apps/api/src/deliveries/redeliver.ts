import { AppError, batchWebhookBody, readForBody, webhookBody } from '@onqueue/shared'
import type { BatchStore, Delivery, DeliveryRecord, DeliveryStore, ShowPrediction } from '@onqueue/shared'
import type { ListCursor } from '../http/list-cursor.ts'
import type { ListDeliveries } from './list-deliveries.ts'
import type { PredictionReader } from '../predictions/read-prediction.ts'
import { deliveryNotFound, readDelivery } from './show-delivery.ts'

/** Sends deliveries again: same id and same bytes, from the start of the schedule. */
export type Redeliver = {
  /**
   * One of the owner's. One that is pending is only due at once. Throws `delivery_not_found`, and `payload_expired` for one
   * that was delivered and whose prediction is gone.
   */
  one(id: string, owner: string): Promise<Delivery>
  /** Failed ones that were made at `since` (ms) or later, up to 1,000; `isMore` when there may be more. */
  failedSince(since: number, owner: string): Promise<{ count: number; isMore: boolean }>
}

const maxRedelivered = 1000

export const createRedeliver = ({
  deliveries,
  list,
  reader,
  batches,
  publicUrl,
  show,
}: {
  deliveries: DeliveryStore
  list: ListDeliveries
  reader: PredictionReader
  batches: Pick<BatchStore, 'read'>
  publicUrl: string
  show: ShowPrediction
}): Redeliver => {
  const again = async (record: DeliveryRecord) => {
    const redeliver = (body: string | null) => deliveries.redeliver(record.id, record, body)
    const first = await redeliver(record.status === 'delivered' ? await bodyOf(record) : null)
    // delivered since it was read, or its body was lost
    const done = first === 'body-needed' ? await redeliver(await bodyOf(record)) : first
    if (done === 'not-found') throw deliveryNotFound()
  }

  /** Resolves to false for one that went, or was redelivered, meanwhile. */
  const againIfFailed = async (id: string) => {
    const record = await deliveries.read(id)
    if (record?.status !== 'failed') return false
    return (await deliveries.redeliver(id, record, null)) === 'due'
  }

  /** What was delivered is not kept; it is made again of the prediction or the batch, which has not changed since. */
  const bodyOf = async ({ predictionId, batchId, owner, event }: DeliveryRecord) => {
    const batch = batchId === undefined ? null : await batches.read(batchId)
    if (batch?.end) return batchWebhookBody(batch, publicUrl)
    const prediction = predictionId === null ? null : await reader.find(predictionId, owner)
    if (!prediction?.job.webhook || event !== 'prediction.completed') {
      throw new AppError('payload_expired', 'it was delivered, and what it carried is not kept any more')
    }
    const { webhookStatus: _, ...unsent } = prediction
    return webhookBody(show(await readForBody(unsent)), prediction.job.webhook.payload).text
  }

  return {
    one: async (id, owner) => {
      const record = await deliveries.read(id)
      if (record?.owner !== owner) throw deliveryNotFound()
      await again(record)
      const delivery = await readDelivery(deliveries, id)
      if (!delivery) throw deliveryNotFound()
      return delivery
    },
    failedSince: async (since, owner) => {
      let count = 0
      let cursor: ListCursor | undefined
      do {
        const page = await list({ owner, status: 'failed', since, limit: 100, cursor })
        const done = await Promise.all(page.results.map(({ id }) => againIfFailed(id)))
        count += done.filter(Boolean).length
        cursor = page.next ?? undefined
      } while (cursor && count < maxRedelivered)
      return { count, isMore: cursor !== undefined }
    },
  }
}
