import { getRequestListener } from '@hono/node-server'
import { createLogger, readSharedSecret, startHealthServer } from '@onqueue/shared'
import { createApp } from './http/app.ts'
import { createAuth } from './access/auth.ts'
import { createBacklogReader } from './models/backlog.ts'
import { createChannels } from './redis/channels.ts'
import { keysFileOf } from './config.ts'
import type { ApiConfig } from './config.ts'
import { createJsonReader } from './http/bodies/json-body.ts'
import { openKeyRing } from './access/key-ring.ts'
import { listen, stopListening } from './http/listen.ts'
import { checkListenAddress, createLoopbackGuard } from './access/loopback-guard.ts'
import { createMetrics } from './metrics.ts'
import { createModelCatalog } from './models/model-catalog.ts'
import { createPredictionServices } from './prediction-services.ts'
import { createReadinessCheck } from './http/readiness.ts'
import { openRedis } from './redis/redis-access.ts'
import { deliveryRoutes } from './dialects/native/delivery-routes.ts'
import { docsRoutes } from './openapi/docs-routes.ts'
import { healthRoutes } from './http/health-routes.ts'
import { modelRoutes } from './dialects/native/model-routes.ts'
import { openapiRoutes } from './openapi/openapi-routes.ts'
import { plainRoutes } from './dialects/plain/plain-routes.ts'
import { predictRoutes } from './dialects/native/predict-routes.ts'
import { predictionEventsRoutes } from './dialects/native/prediction-events-routes.ts'
import { predictionListRoutes } from './dialects/native/prediction-list-routes.ts'
import { predictionRoutes } from './dialects/native/prediction-routes.ts'
import { webhookRoutes } from './dialects/native/webhook-routes.ts'

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
  const namespace = config.ONQUEUE_PREFIX
  const allowAnonymous = config.ONQUEUE_ALLOW_ANONYMOUS
  const keys = openKeyRing({ keysText: config.ONQUEUE_API_KEYS, file: keysFileOf(config), log })
  checkListenAddress({ host: config.ONQUEUE_HOST, hasKeys: keys.isKeyNeeded(), allowAnonymous })

  await using opened = new AsyncDisposableStack()
  const access = await openRedis(config.REDIS_URL, log)
  opened.defer(() => access.close())
  const { redis, subscriber } = access
  const secret = await readSharedSecret({ redis, namespace, configured: config.ONQUEUE_SECRET })
  const channels = createChannels(subscriber)
  const catalog = await createModelCatalog({ redis, namespace, channels, log })
  opened.defer(() => catalog.close())

  const { server, port } = await listen({ host: config.ONQUEUE_HOST, port: config.PORT })
  const publicUrl = config.ONQUEUE_PUBLIC_URL ?? `http://127.0.0.1:${port}`
  const readBacklog = createBacklogReader({ redis, namespace })
  const metrics = createMetrics({
    catalog,
    readBacklog,
    countWaiters: () => predictions.waiters.count(),
    countEventStreams: () => predictions.events.countOpen(),
  })
  const predictions = createPredictionServices({
    config,
    access,
    channels,
    catalog,
    secret,
    publicUrl,
    log,
    count: metrics,
  })
  opened.defer(() => predictions.close())
  opened.defer(() => stopListening(server))
  const isReady = createReadinessCheck({ redis, isCatalogLoaded: () => true })
  const collectMetrics = () => metrics.collect()
  const readJsonBody = createJsonReader({ limitBytes: config.ONQUEUE_BODY_LIMIT_BYTES })

  const app = createApp({
    log,
    countRequest: metrics.countRequest,
    loopbackGuard: createLoopbackGuard({ isActive: () => !keys.isKeyNeeded(), publicUrl, allowAnonymous }),
    auth: createAuth({ keys, verifyEventsToken: (id, token) => predictions.tokens.verify(id, token) }),
    mount: (app) => {
      app.route('/', predictionRoutes({ ...predictions, catalog, readJsonBody }))
      app.route('/', predictRoutes({ ...predictions, readJsonBody }))
      app.route('/', predictionEventsRoutes({ ...predictions, stream: predictions.events.stream }))
      app.route('/', predictionListRoutes({ ...predictions, publicUrl }))
      app.route('/', deliveryRoutes({ ...predictions, readJsonBody, publicUrl }))
      app.route('/', webhookRoutes({ ...predictions, readJsonBody }))
      app.route('/', modelRoutes({ catalog, readBacklog, publicUrl }))
      app.route(
        '/',
        plainRoutes({ ...predictions, defaultModel: config.ONQUEUE_DEFAULT_MODEL, catalog, readJsonBody }),
      )
      app.route('/', healthRoutes({ isReady, collectMetrics }))
      app.route(
        '/',
        openapiRoutes({ app, catalog, keys, publicUrl, defaultModel: config.ONQUEUE_DEFAULT_MODEL }),
      )
      app.route('/', docsRoutes())
    },
  })
  const answer = getRequestListener(app.fetch)
  // answer never rejects
  server.on('request', (request, response) => void answer(request, response))

  const health = await startHealthServer({
    host: config.ONQUEUE_API_HEALTH_HOST,
    port: config.ONQUEUE_API_HEALTH_PORT,
    hostSetting: 'ONQUEUE_API_HEALTH_HOST',
    portSetting: 'ONQUEUE_API_HEALTH_PORT',
    log,
    isReady,
    metrics: collectMetrics,
  })
  opened.defer(() => health.close())
  opened.defer(() => predictions.endWaits())
  log.info({ host: config.ONQUEUE_HOST, port, publicUrl }, 'api listens')

  const running = opened.move()
  return {
    url: `http://${urlHost(config.ONQUEUE_HOST)}:${port}`,
    healthUrl: `http://${urlHost(config.ONQUEUE_API_HEALTH_HOST)}:${health.port}`,
    close: () => running.disposeAsync(),
  }
}

/** An address to listen on, as part of a URL to reach it from this machine. */
const urlHost = (host: string) =>
  host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
