import type {
  Logger,
  PredictionQueues,
  PredictionRecord,
  QueuePlace,
  RedisClock,
  RedisStore,
  ShowPrediction,
} from '@onqueue/shared'
import type { Redis } from 'ioredis'
import type { CheckReceiver } from '../deliveries/check-receiver.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
import type { CancelPrediction } from '../predictions/cancel-prediction.ts'
import type { ForgetPrediction } from '../predictions/forget-prediction.ts'
import type { ListPredictions } from '../predictions/list-predictions.ts'
import type { CancelMany } from '../predictions/many/cancel-many.ts'
import type { ReadMany } from '../predictions/many/read-many.ts'
import type { WatchMany } from '../predictions/many/watch-many.ts'
import type { KnownPredictions } from '../predictions/open-predictions.ts'
import type { StreamEvents } from '../predictions/prediction-events.ts'
import type { PredictionWatcher } from '../predictions/watch-prediction.ts'
import { AbandonedSubmits } from './abandoned-submits.ts'
import { createAddPrediction } from './add-prediction.ts'
import type { CountSubmits } from './add-prediction.ts'
import { createAdmission } from './admission/admission.ts'
import { createWebhookCheck } from './check-webhook.ts'
import { createClaims } from './claims.ts'
import { createEnqueuePrediction } from './enqueue-prediction.ts'
import { openPacks } from './packs/open-packs.ts'
import { createPollSeconds } from './admission/poll-seconds.ts'
import { createPredictNow } from './predict-now.ts'
import type { PredictNow } from './predict-now.ts'
import { createReadingThreads, heapMbFor } from './reading/reading-threads.ts'
import { createReadSubmission } from './reading/read-submission.ts'
import { createSubmitGuard } from './submit-guard.ts'
import { createReadBulk } from './bulk/read-bulk.ts'
import { createSubmitBulk } from './bulk/submit-bulk.ts'
import type { SubmitBulk } from './bulk/submit-bulk.ts'
import { createSubmitPrediction, createSubmitRead } from './submit-prediction.ts'
import type { SubmitPrediction } from './submit-prediction.ts'

/** All that a dialect does with predictions. */
export type Predictions = {
  submit: SubmitPrediction
  /** Submits many with one request. */
  submitBulk: SubmitBulk
  /** Submits and waits: for a caller who has no id to come back with. */
  predictNow: PredictNow
  /** Whole seconds, 1 to 60, after which a prediction that was submitted just now may be done. */
  pollSeconds: (record: PredictionRecord) => Promise<number>
  /** Throws `prediction_not_found`; `owner: null` reads anybody's. */
  read: (id: string, owner: string | null) => Promise<PredictionRecord>
  /** Where a queued one stands in line; undefined where it isn't in line (any more). */
  placeOf: (record: PredictionRecord) => QueuePlace | Promise<QueuePlace | undefined> | undefined
  watch: PredictionWatcher
  cancel: CancelPrediction
  forget: ForgetPrediction
  list: ListPredictions
  readMany: ReadMany
  watchMany: WatchMany
  cancelMany: CancelMany
  follow: StreamEvents
  /** The native resource, which webhooks send too. */
  show: ShowPrediction
  /** What a token in `urls.events` of the prediction is bound to; undefined where it is none. */
  readEventsToken: KnownPredictions['readEventsToken']
  /** Whether it is still good for that prediction. */
  opensEvents: KnownPredictions['opensEvents']
}

/** Opens the way into the queue. `close` stops what goes on beside the requests. */
export const openSubmit = ({
  redis,
  bulk,
  namespace,
  redisClock,
  queues,
  models,
  known,
  checkReceiver,
  secrets,
  areTokensBound,
  arePacksRead,
  retentionMs,
  backlogLimit,
  memoryWatermark,
  maxInputBytes,
  count,
  log,
}: RedisStore & {
  redisClock: RedisClock
  /** a connection of its own for long inputs */
  bulk: Redis
  queues: PredictionQueues
  models: ModelCatalog
  known: KnownPredictions
  checkReceiver: CheckReceiver
  /** under which the ids of idempotent submits are made */
  secrets: () => readonly [string, ...string[]]
  /** every live process reads events tokens that are bound to a key */
  areTokensBound: () => boolean
  /** packs may be made, as far as API and webhooks processes go */
  arePacksRead: () => boolean
  retentionMs: number
  /** rows of a model that may wait or run */
  backlogLimit: number
  memoryWatermark: number
  /** of a long input as it is kept */
  maxInputBytes: number
  count: CountSubmits
  log: Logger
}): { predictions: Predictions; close(): Promise<void> } => {
  const clock = redisClock.now
  const store = { redis, namespace, clock }
  const { reader, watcher, waiters, outcomes, cancel } = known
  const abandoned = new AbandonedSubmits({ ...store, outcomes, log })
  const admission = createAdmission({ redis, namespace, queues, backlogLimit, memoryWatermark, log })
  const guard = createSubmitGuard({ redis, namespace, redisClock })
  const enqueue = createEnqueuePrediction({ bulk, namespace, guard, queues, redisClock, abandoned })
  const together = openPacks({
    redis,
    namespace,
    models,
    queues,
    redisClock,
    abandoned,
    enqueue,
    arePacksRead,
    count,
  })
  const threads = createReadingThreads({ log, maxHeapMb: heapMbFor(maxInputBytes) })
  const submitRead = createSubmitRead({
    models,
    maxRows: backlogLimit,
    checkWebhook: createWebhookCheck({ checkReceiver }),
    claims: createClaims({ ...store, retentionMs }),
    reader,
    add: createAddPrediction({
      store: { redis: bulk, namespace },
      enqueue,
      together,
      waiters,
      count,
      log,
    }),
    secrets,
    areTokensBound,
    clock,
  })
  const reading = { models, threads, maxTextBytes: maxInputBytes }
  const submit = createSubmitPrediction({
    readSubmission: createReadSubmission(reading),
    submitRead,
    admission,
    count,
  })

  return {
    predictions: {
      submit,
      submitBulk: createSubmitBulk({
        readBulk: createReadBulk(reading),
        submitRead,
        admission,
        maxRows: backlogLimit,
        count,
        log,
      }),
      predictNow: createPredictNow({ submit, watcher, cancel }),
      pollSeconds: createPollSeconds({
        models,
        backlogSeconds: (entry) => admission.backlogSeconds(entry),
        placeOf: async (record) => reader.placeOf(record),
      }),
      read: (id, owner) => reader.read(id, owner),
      placeOf: (record) => reader.placeOf(record),
      watch: watcher,
      cancel,
      forget: known.forget,
      list: known.list,
      readMany: known.readMany,
      watchMany: known.watchMany,
      cancelMany: known.cancelMany,
      follow: known.follow,
      show: known.show,
      readEventsToken: known.readEventsToken,
      opensEvents: known.opensEvents,
    },
    close: async () => {
      await threads.close()
      await abandoned.close()
    },
  }
}
