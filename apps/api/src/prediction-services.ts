import {
  createAddressPolicy,
  createDeliveryStore,
  createEventsTokens,
  createOutcomeWriter,
  createWebhookSecrets,
} from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import { createAbandonedSubmits } from './submit/abandoned-submits.ts'
import { createAdmission } from './submit/admission.ts'
import { createCancelPrediction } from './predictions/cancel-prediction.ts'
import type { Channels } from './redis/channels.ts'
import { createClaims } from './submit/claims.ts'
import { createWebhookCheck } from './submit/check-webhook.ts'
import type { ApiConfig } from './config.ts'
import { createEnqueuePrediction } from './submit/enqueue-prediction.ts'
import { createForgetPrediction } from './predictions/forget-prediction.ts'
import { createListDeliveries } from './deliveries/list-deliveries.ts'
import { createListPredictions } from './predictions/list-predictions.ts'
import type { ModelCatalog } from './models/model-catalog.ts'
import { createPredictNow } from './submit/predict-now.ts'
import { createEventStreams } from './predictions/prediction-events.ts'
import { createPredictionQueues } from './redis/prediction-queues.ts'
import { createPredictionReader } from './predictions/read-prediction.ts'
import { createRedeliver } from './deliveries/redeliver.ts'
import type { RedisAccess } from './redis/redis-access.ts'
import { createRedisClock } from './redis/redis-clock.ts'
import { createShowPrediction } from './predictions/show-prediction.ts'
import { createSubmitGuard } from './submit/submit-guard.ts'
import { createSubmitPrediction } from './submit/submit-prediction.ts'
import type { CountSubmits } from './submit/submit-prediction.ts'
import { createOutcomeWaiters } from './predictions/wait-for-outcome.ts'
import { createPredictionWatcher } from './predictions/watch-prediction.ts'

/**
 * Puts together what is done with predictions. Nothing here waits for Redis. `endWaits` lets requests that are held back
 * answer at once; `close` stops what goes on beside the requests.
 */
export const createPredictionServices = ({
  config,
  access: { redis, bulk },
  channels,
  catalog,
  secret,
  publicUrl,
  log,
  count,
}: {
  config: ApiConfig
  access: RedisAccess
  channels: Channels
  catalog: ModelCatalog
  secret: string
  publicUrl: string
  log: Logger
  count: CountSubmits
}) => {
  const namespace = config.ONQUEUE_PREFIX
  const retentionMs = config.ONQUEUE_RETENTION
  const store = { redis, namespace }

  const tokens = createEventsTokens(secret)
  const show = createShowPrediction({ publicUrl, retentionMs, tokens })
  const outcomes = createOutcomeWriter(store)
  const deliveries = createDeliveryStore(store)
  const webhookCheck = createWebhookCheck({
    addresses: createAddressPolicy({ allowedNetworks: config.ONQUEUE_WEBHOOK_ALLOWED_NETWORKS }),
    allowHttp: config.ONQUEUE_WEBHOOK_ALLOW_HTTP,
    deliveries,
    bytesLimit: config.ONQUEUE_WEBHOOK_BYTES_LIMIT,
  })
  const queues = createPredictionQueues(store)
  const clock = createRedisClock(redis)
  const guard = createSubmitGuard({ ...store, clock })
  const abandoned = createAbandonedSubmits({ ...store, outcomes, log })
  const waiters = createOutcomeWaiters({ ...store, channels, log })
  const reader = createPredictionReader({ ...store, queues, catalog, outcomes, deliveries, retentionMs })
  const watcher = createPredictionWatcher({ reader, waiters })
  const events = createEventStreams({ watcher, show })
  const listDeliveries = createListDeliveries({ ...store, deliveries })
  const cancel = createCancelPrediction({ queues, outcomes })
  const admission = createAdmission({
    ...store,
    queues,
    backlogLimit: config.ONQUEUE_BACKLOG_LIMIT,
    memoryWatermark: config.ONQUEUE_MEMORY_WATERMARK,
  })
  const submit = createSubmitPrediction({
    catalog,
    admission,
    enqueue: createEnqueuePrediction({ bulk, namespace, guard, queues, clock, abandoned }),
    claims: createClaims({ ...store, retentionMs }),
    reader,
    waiters,
    webhookCheck,
    secret,
    log,
    count,
  })

  return {
    admission,
    cancel,
    webhookCheck,
    deliveries,
    events,
    forget: createForgetPrediction({ ...store, queues, deliveries, cancel }),
    list: createListPredictions({ ...store, catalog, reader }),
    listDeliveries,
    predictNow: createPredictNow({ submit, watcher, cancel }),
    reader,
    redeliver: createRedeliver({ deliveries, list: listDeliveries, reader, show }),
    secrets: createWebhookSecrets(store),
    show,
    submit,
    tokens,
    waiters,
    watcher,
    endWaits: () => {
      events.close()
      waiters.close()
    },
    close: async () => {
      clock.close()
      await abandoned.close()
      await queues.close()
    },
  }
}
