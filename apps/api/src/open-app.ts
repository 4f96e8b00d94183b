import { createDeliveryStore, explainOtherStorage, openSecrets, receiverPoliciesOf } from '@onqueue/shared'
import type { Logger, OwnStorage, Readiness } from '@onqueue/shared'
import type { Access } from './access/open-access.ts'
import { addBatchMetrics } from './batches/batch-metrics.ts'
import { openBatches } from './batches/open-batches.ts'
import type { ApiConfig } from './config.ts'
import { openDeliveries } from './deliveries/open-deliveries.ts'
import { createNativeDialect } from './dialects/native/native-dialect.ts'
import { createPlainDialect } from './dialects/plain/plain-dialect.ts'
import { openFiles } from './files/open-files.ts'
import { createApp } from './http/app.ts'
import {
  createJsonReader,
  createShortReader,
  createTextReader,
  saysJson,
  saysJsonLines,
} from './http/bodies/json-body.ts'
import { createDialectFinder } from './http/dialect.ts'
import { healthPaths, healthRoutes } from './http/health/health-routes.ts'
import type { UnderWay } from './http/under-way.ts'
import { createMetrics } from './metrics.ts'
import { openModels } from './models/open-models.ts'
import { docsPaths, docsRoutes, isPage } from './openapi/docs-routes.ts'
import { homeRoutes } from './openapi/home-routes.ts'
import { openapiRoutes } from './openapi/openapi-routes.ts'
import { openPredictions } from './predictions/open-predictions.ts'
import type { RedisAccess } from './redis/redis-access.ts'
import { openSubmit } from './submit/open-submit.ts'

/** Opens what answers requests, of a Redis that is there. `opened` closes it again. */
export const openApp = async ({
  config,
  access,
  storage,
  connections: { redis, bulk, channels, queues, condition, clock },
  publicUrl,
  underWay,
  isReady,
  log,
  opened,
}: {
  config: ApiConfig
  access: Access
  storage: OwnStorage
  connections: RedisAccess
  publicUrl: string
  underWay: UnderWay
  isReady: () => Promise<Readiness>
  log: Logger
  opened: AsyncDisposableStack
}) => {
  const store = { redis, namespace: config.ONQUEUE_PREFIX, clock: clock.now }
  const secrets = await openSecrets({
    ...store,
    app: 'api',
    configured: config.ONQUEUE_SECRET,
    previous: config.ONQUEUE_SECRET_PREVIOUS,
    storage: storage.id,
    log,
  })
  opened.defer(() => secrets.close())
  const models = await openModels({ ...store, channels, storage: storage.id, log })
  opened.defer(() => models.close())

  const deliveryStore = createDeliveryStore(store)
  const known = openPredictions({
    ...store,
    channels,
    queues,
    models,
    deliveries: deliveryStore,
    secrets: () => secrets.all(),
    areTokensBound: () => secrets.areTokensBound(),
    hasKey: access.hasKey,
    publicUrl,
    retentionMs: config.ONQUEUE_RETENTION,
    log,
  })
  const deliveries = openDeliveries({
    ...store,
    store: deliveryStore,
    predictions: known,
    receivers: receiverPoliciesOf(config),
    forms: secrets.forms,
    publicUrl,
    maxFrozenBytes: config.ONQUEUE_WEBHOOK_BYTES_LIMIT,
    onSecretsLost: () => metrics.lossFound('webhook_secret'),
    log,
  })
  const files = openFiles({
    ...store,
    storage,
    limits: {
      maxFileBytes: config.ONQUEUE_FILE_MAX_BYTES,
      maxBytes: config.ONQUEUE_OWNER_MAX_BYTES,
      maxFiles: config.ONQUEUE_OWNER_MAX_FILES,
      minFreeBytes: config.ONQUEUE_STORAGE_MIN_FREE_BYTES,
      keptMs: config.ONQUEUE_FILE_TTL,
    },
    idleMs: config.ONQUEUE_BODY_TIMEOUT,
    onReceived: (bytes) => batchMetrics.fileReceived(bytes),
    log,
  })
  opened.defer(() => files.close())
  const batches = openBatches({
    ...store,
    storage,
    files,
    catalog: models,
    channels,
    secrets: () => secrets.all(),
    checkReceiver: deliveries.checkReceiver,
    keptMs: config.ONQUEUE_BATCH_TTL,
    versionPatienceMs: config.ONQUEUE_VERSION_PATIENCE,
    maxActive: config.ONQUEUE_OWNER_MAX_BATCHES,
    log,
  })
  opened.defer(() => batches.close())
  const metrics = createMetrics({
    models,
    countWaiters: known.countWaiters,
    countEventStreams: known.countEventStreams,
    underWayBytes: () => underWay.bytes,
    refusals: () => condition.counts(),
    clockAheadMs: () => clock.aheadMs(),
    log,
  })
  const batchMetrics = addBatchMetrics(metrics.registry, {
    catalog: models,
    readActive: (model) => batches.readActive(model),
    storage: storage.open,
    log,
  })
  const submit = openSubmit({
    ...store,
    redisClock: clock,
    bulk,
    queues,
    models,
    known,
    checkReceiver: deliveries.checkReceiver,
    secrets: () => secrets.all(),
    areTokensBound: () => secrets.areTokensBound(),
    arePacksRead: () => config.ONQUEUE_PACKS && secrets.arePacksRead(),
    retentionMs: config.ONQUEUE_RETENTION,
    backlogLimit: config.ONQUEUE_BACKLOG_LIMIT,
    memoryWatermark: config.ONQUEUE_MEMORY_WATERMARK,
    maxInputBytes: config.ONQUEUE_BODY_LIMIT_BYTES,
    count: metrics,
    log,
  })
  opened.defer(() => submit.close())
  opened.defer(() => known.endWaits())

  const { predictions } = submit
  const defaultModel = config.ONQUEUE_DEFAULT_MODEL
  const limitBytes = config.ONQUEUE_BODY_LIMIT_BYTES
  const readJsonBody = createJsonReader({ limitBytes })
  const readJsonText = createTextReader({
    limitBytes,
    isJson: (type) => saysJson(type) || saysJsonLines(type),
  })
  const readShortBody = createShortReader()
  const dialects = [
    createNativeDialect({
      predictions,
      models,
      deliveries,
      files,
      batches,
      clock: clock.now,
      readJsonBody,
      readJsonText,
      readShortBody,
      publicUrl,
    }),
    createPlainDialect({ predictions, models, readJsonBody, defaultModel }),
  ] as const

  const collectMetrics = () => metrics.collect()
  const dialectOf = createDialectFinder(dialects)
  const { app, fetch } = createApp({
    log,
    underWay,
    dialectOf,
    countRequest: metrics.countRequest,
    publicUrl,
    corsOrigins: config.ONQUEUE_CORS_ORIGINS,
    hotRoutes: dialects.flatMap(({ hotRoutes = [] }) => hotRoutes),
    ...access.wayIn({
      dialectOf,
      routes: [...dialects, healthPaths, docsPaths],
      isPage,
      publicUrl,
      corsOrigins: config.ONQUEUE_CORS_ORIGINS,
    }),
  })
  for (const { routes } of dialects) app.route('/', routes)
  app.route('/', healthRoutes({ isReady, collectMetrics }))
  app.route('/', openapiRoutes({ app, models, access, publicUrl, defaultModel }))
  app.route('/', docsRoutes())
  app.route('/', homeRoutes({ models, access, publicUrl }))
  return {
    fetch,
    models,
    warnings: () => explainOtherStorage(storage.id(), [...secrets.storages(), ...models.storages()]),
    collectMetrics,
    connectionRefused: () => metrics.connectionRefused(),
    endStreams: () => {
      known.endStreams()
      batches.endStreams()
    },
    endWaits: known.endWaits,
  }
}
