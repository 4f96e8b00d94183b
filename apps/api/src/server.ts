import {
  createDeliveryStore,
  createLogger,
  publicUrlOf,
  readSharedSecret,
  receiverPoliciesOf,
  startHealthServer,
  urlHost,
} from '@onqueue/shared'
import { openAccess } from './access/open-access.ts'
import { keysFileOf } from './config.ts'
import type { ApiConfig } from './config.ts'
import { openDeliveries } from './deliveries/open-deliveries.ts'
import { createNativeDialect } from './dialects/native/native-dialect.ts'
import { createPlainDialect } from './dialects/plain/plain-dialect.ts'
import { createApp } from './http/app.ts'
import { createJsonReader, createShortReader } from './http/bodies/json-body.ts'
import { serveRequests } from './http/connections/serve-requests.ts'
import { createDialectFinder } from './http/dialect.ts'
import { healthPaths, healthRoutes } from './http/health-routes.ts'
import { listen, stopListening } from './http/listen.ts'
import { createReadinessCheck } from './http/readiness.ts'
import { UnderWay } from './http/under-way.ts'
import { createMetrics } from './metrics.ts'
import { openModels } from './models/open-models.ts'
import { docsPaths, docsRoutes, isPage } from './openapi/docs-routes.ts'
import { homeRoutes } from './openapi/home-routes.ts'
import { openapiRoutes } from './openapi/openapi-routes.ts'
import { openPredictions } from './predictions/open-predictions.ts'
import { openRedis } from './redis/redis-access.ts'
import { openSubmit } from './submit/open-submit.ts'

export type Api = {
  /** where it listens, on loopback unless ONQUEUE_HOST says otherwise */
  url: string
  healthUrl: string
  /** Answers what is under way, then closes everything in reverse order. May be called twice. */
  close(): Promise<void>
}

/** Starts the API. Throws a ConfigError, one sentence, when it can't run as it is configured. */
export const startApi = async (config: ApiConfig): Promise<Api> => {
  const log = createLogger({ service: 'api', level: config.LOG_LEVEL })
  const access = openAccess({
    keysText: config.ONQUEUE_API_KEYS,
    keysFile: keysFileOf(config),
    host: config.ONQUEUE_HOST,
    allowAnonymous: config.ONQUEUE_ALLOW_ANONYMOUS,
    log,
  })

  await using opened = new AsyncDisposableStack()
  const namespace = config.ONQUEUE_PREFIX
  const connections = await openRedis({ url: config.REDIS_URL, namespace, log })
  opened.defer(() => connections.close())
  const { redis, bulk, channels, queues, condition } = connections
  const store = { redis, namespace }
  const secret = await readSharedSecret({ ...store, configured: config.ONQUEUE_SECRET })
  const models = await openModels({ ...store, channels, log })
  opened.defer(() => models.close())

  const { server, port } = await listen({ host: config.ONQUEUE_HOST, port: config.PORT })
  const publicUrl = publicUrlOf(config, port)
  const underWay = new UnderWay(config.ONQUEUE_UNDER_WAY_LIMIT_BYTES)
  underWay.watch(server, { patienceMs: 60_000 })

  const deliveryStore = createDeliveryStore(store)
  const known = openPredictions({
    ...store,
    channels,
    queues,
    models,
    deliveries: deliveryStore,
    secret,
    publicUrl,
    retentionMs: config.ONQUEUE_RETENTION,
    log,
  })
  const deliveries = openDeliveries({
    ...store,
    store: deliveryStore,
    predictions: known,
    receivers: receiverPoliciesOf(config),
    maxFrozenBytes: config.ONQUEUE_WEBHOOK_BYTES_LIMIT,
  })
  const metrics = createMetrics({
    models,
    countWaiters: known.countWaiters,
    countEventStreams: known.countEventStreams,
    refusals: () => condition.counts(),
    log,
  })
  const submit = openSubmit({
    ...store,
    bulk,
    queues,
    models,
    known,
    checkReceiver: deliveries.checkReceiver,
    secret,
    retentionMs: config.ONQUEUE_RETENTION,
    backlogLimit: config.ONQUEUE_BACKLOG_LIMIT,
    memoryWatermark: config.ONQUEUE_MEMORY_WATERMARK,
    maxInputBytes: config.ONQUEUE_BODY_LIMIT_BYTES,
    count: metrics,
    log,
  })
  opened.defer(() => submit.close())
  opened.defer(() => stopListening(server))

  const { predictions } = submit
  const defaultModel = config.ONQUEUE_DEFAULT_MODEL
  const readJsonBody = createJsonReader({ limitBytes: config.ONQUEUE_BODY_LIMIT_BYTES })
  const readShortBody = createShortReader()
  const dialects = [
    createNativeDialect({ predictions, models, deliveries, readJsonBody, readShortBody, publicUrl }),
    createPlainDialect({ predictions, models, readJsonBody, defaultModel }),
  ] as const

  const isReady = createReadinessCheck({ condition })
  const collectMetrics = () => metrics.collect()
  const dialectOf = createDialectFinder(dialects)
  const app = createApp({
    log,
    underWay,
    dialectOf,
    countRequest: metrics.countRequest,
    publicUrl,
    corsOrigins: config.ONQUEUE_CORS_ORIGINS,
    ...access.middleware({
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
  serveRequests(server, {
    fetch: app.fetch,
    log,
    connectionsPerAddress: config.ONQUEUE_CONNECTIONS_PER_ADDRESS,
    trustedProxies: config.ONQUEUE_TRUSTED_PROXIES,
    onConnectionRefused: () => metrics.connectionRefused(),
  })

  const health = await startHealthServer({
    host: config.ONQUEUE_API_HEALTH_HOST,
    port: config.ONQUEUE_API_HEALTH_PORT,
    hostSetting: 'ONQUEUE_API_HEALTH_HOST',
    portSetting: 'ONQUEUE_API_HEALTH_PORT',
    metricsHosts: config.ONQUEUE_METRICS_HOSTS,
    log,
    isReady,
    metrics: collectMetrics,
  })
  opened.defer(() => health.close())
  opened.defer(() => known.endWaits())
  log.info({ host: config.ONQUEUE_HOST, port, publicUrl }, 'api listens')

  const running = opened.move()
  return {
    url: `http://${urlHost(config.ONQUEUE_HOST)}:${port}`,
    healthUrl: `http://${urlHost(config.ONQUEUE_API_HEALTH_HOST)}:${health.port}`,
    close: () => running.disposeAsync(),
  }
}
