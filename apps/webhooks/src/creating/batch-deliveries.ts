import { batchDeliveryIdOf, batchWebhookBody, createBatchStore, levelOf } from '@onqueue/shared'
import type { DatedStore, DeliveryStore, Logger } from '@onqueue/shared'
import type { DeliveryCreator } from './delivery-creator.ts'
import { createUndeliveredEntries } from './undelivered-entries.ts'

const maxAtOnce = 100

/**
 * Creates deliveries of batches that ended with a webhook, as it is done of predictions. Those of the release before neither read
 * such a delivery nor the entries from which it is made: while one of them is there the entries wait.
 */
export const createBatchDeliveryCreator = ({
  deliveries,
  publicUrl,
  areRead,
  log,
  onCreated,
  ...store
}: DatedStore & {
  deliveries: DeliveryStore
  publicUrl: string
  /** every live process reads deliveries about batches */
  areRead: () => boolean
  log: Logger
  /** `lagMs`: from the end of the batch to here */
  onCreated: (model: string, lagMs: number) => void
}): DeliveryCreator => {
  const { clock } = store
  const batches = createBatchStore(store)
  const entries = createUndeliveredEntries({ ...store, kind: 'undeliveredBatches' })

  const createOf = async (model: string, batchId: string) => {
    const record = await batches.read(batchId)
    if (record?.end && record.about.webhook !== null) {
      const { owner, webhook: url, requestId } = record.about
      const about = {
        owner,
        predictionId: null,
        batchId,
        event: 'batch.completed',
        url,
        createdAt: clock(),
        holdsPrediction: false,
      } as const
      const deliveryId = batchDeliveryIdOf(batchId)
      if (await deliveries.create(deliveryId, about, batchWebhookBody(record, publicUrl))) {
        onCreated(model, clock() - record.end.completedAt)
        log.debug({ deliveryId, batchId, requestId }, 'delivery made')
      }
    }
    await entries.drop(model, batchId)
  }

  return {
    createDue: async (model) => {
      if (!areRead()) return
      for (const batchId of await entries.takeDue(model, maxAtOnce)) {
        await createOf(model, batchId).catch((err: unknown) =>
          log[levelOf(err)]({ err, model, batchId }, 'delivery could not be made yet'),
        )
      }
    },
  }
}
