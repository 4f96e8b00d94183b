import {
  areRepliesSent,
  createEventsTokens,
  createOutcomeWriter,
  createShowPrediction,
} from '@onqueue/shared'
import type {
  DatedStore,
  DeliveryStore,
  EventsToken,
  Logger,
  PredictionRecord,
  PredictionQueues,
} from '@onqueue/shared'
import type { ModelCatalog } from '../models/model-catalog.ts'
import type { Channels } from '../redis/channels.ts'
import { createCancelPrediction } from './cancel-prediction.ts'
import { opensEventsOf } from './events-access.ts'
import { createForgetPrediction } from './forget-prediction.ts'
import { createListPredictions } from './list-predictions.ts'
import { createCancelMany } from './many/cancel-many.ts'
import { createReadMany } from './many/read-many.ts'
import { createWatchMany } from './many/watch-many.ts'
import { createEventStreams } from './prediction-events.ts'
import { createPredictionReader } from './read-prediction.ts'
import { createOutcomeWaiters } from './wait-for-outcome.ts'
import { createPredictionWatcher } from './watch-prediction.ts'

/** What is done with predictions that are there. */
export type KnownPredictions = ReturnType<typeof openPredictions>

/**
 * Opens what is done with predictions that are there. `endStreams` sends those who follow a prediction to another process;
 * `endWaits` lets requests that are held back answer at once.
 */
export const openPredictions = ({
  redis,
  namespace,
  clock,
  channels,
  queues,
  models,
  deliveries,
  secrets,
  areTokensBound,
  hasKey,
  publicUrl,
  retentionMs,
  log,
}: DatedStore & {
  channels: Channels
  queues: PredictionQueues
  models: Pick<ModelCatalog, 'list' | 'get'>
  deliveries: DeliveryStore
  /** under which the links to events are signed */
  secrets: () => readonly [string, ...string[]]
  areTokensBound: () => boolean
  /** whether the owner has a key of that id */
  hasKey: (owner: string, keyId: string) => boolean
  publicUrl: string
  retentionMs: number
  log: Logger
}) => {
  const store = { redis, namespace, clock }
  const tokens = createEventsTokens(secrets)
  const show = createShowPrediction({ publicUrl, retentionMs, tokens })
  const outcomes = createOutcomeWriter(store)
  const waiters = createOutcomeWaiters({
    ...store,
    channels,
    areRepliesSent: (model) => areRepliesSent(models.get(model)),
    log,
  })
  const reader = createPredictionReader({
    ...store,
    catalog: models,
    outcomes,
    deliveries,
    retentionMs,
  })
  const watcher = createPredictionWatcher({ reader, waiters, clock, log })
  const events = createEventStreams({ watcher, log })
  const cancel = createCancelPrediction({ ...store, queues, outcomes })

  return {
    reader,
    watcher,
    waiters,
    outcomes,
    show,
    cancel,
    forget: createForgetPrediction({ ...store, queues, deliveries, cancel, retentionMs }),
    list: createListPredictions({ ...store, catalog: models, reader }),
    readMany: createReadMany({ reader }),
    watchMany: createWatchMany({ ...store, catalog: models, reader, waiters, log }),
    cancelMany: createCancelMany({ reader, cancel }),
    follow: events.stream,
    readEventsToken: (predictionId: string, token: string) => tokens.read(predictionId, token),
    opensEvents: (record: PredictionRecord, token: EventsToken) =>
      opensEventsOf(record, token, {
        hasKey,
        areTokensBound: areTokensBound(),
        retentionMs,
        now: clock(),
      }),
    countWaiters: () => waiters.count(),
    countEventStreams: () => events.countOpen(),
    endStreams: () => events.close(),
    endWaits: () => waiters.close(),
  }
}
