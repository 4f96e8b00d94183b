import type { DatedStore, DeliveryStore, Logger, ShowPrediction } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { createBatchDeliveryCreator } from './batch-deliveries.ts'
import { createDeliveryCreator } from './delivery-creator.ts'
import { createUndeliveredEntries } from './undelivered-entries.ts'
import { watchDue } from './watch-due.ts'

/** Creates deliveries of predictions and batches as they end, from now on. */
export const openCreating = async ({
  redis,
  namespace,
  clock,
  subscriber,
  deliveries,
  show,
  publicUrl,
  areBatchDeliveriesRead,
  log,
  onCreated,
  onDue,
}: DatedStore & {
  subscriber: Redis
  deliveries: DeliveryStore
  show: ShowPrediction
  publicUrl: string
  /** every live process reads deliveries about batches */
  areBatchDeliveriesRead: () => boolean
  log: Logger
  /** `lagMs`: from the end of the prediction to here */
  onCreated: (model: string, lagMs: number) => void
  /** there may be a delivery to attempt: one that was created, or one that the API says is due */
  onDue: () => void
}) => {
  const store = { redis, namespace, clock }
  const told = {
    ...store,
    deliveries,
    log,
    onCreated: (model: string, lagMs: number) => {
      onCreated(model, lagMs)
      onDue()
    },
  }
  const creators = [
    createDeliveryCreator({ ...told, entries: createUndeliveredEntries(store), show }),
    createBatchDeliveryCreator({ ...told, publicUrl, areRead: areBatchDeliveriesRead }),
  ]
  const creator = {
    createDue: async (model: string) => {
      for (const one of creators) await one.createDue(model)
    },
  }
  const watching = await watchDue({ ...store, subscriber, creator, onDue, log })

  return {
    close: () => watching.close(),
  }
}
