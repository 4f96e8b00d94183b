import type { DatedStore, DeliveryStore, Logger, ShowPrediction } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { createDeliveryCreator } from './delivery-creator.ts'
import { createUndeliveredEntries } from './undelivered-entries.ts'
import { watchDue } from './watch-due.ts'

/** Creates deliveries of predictions as they end, from now on. */
export const openCreating = async ({
  redis,
  namespace,
  clock,
  subscriber,
  deliveries,
  show,
  log,
  onCreated,
  onDue,
}: DatedStore & {
  subscriber: Redis
  deliveries: DeliveryStore
  show: ShowPrediction
  log: Logger
  /** `lagMs`: from the end of the prediction to here */
  onCreated: (model: string, lagMs: number) => void
  /** there may be a delivery to attempt: one that was created, or one that the API says is due */
  onDue: () => void
}) => {
  const store = { redis, namespace, clock }
  const creator = createDeliveryCreator({
    ...store,
    entries: createUndeliveredEntries(store),
    deliveries,
    show,
    log,
    onCreated: (model, lagMs) => {
      onCreated(model, lagMs)
      onDue()
    },
  })
  const watching = await watchDue({ ...store, subscriber, creator, onDue, log })

  return {
    close: () => watching.close(),
  }
}
