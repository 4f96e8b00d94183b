import {
  createLogger,
  createOwnStorage,
  openWhenUsable,
  publicUrlOf,
  startHealthServer,
  storageFolderOf,
} from '@onqueue/shared'
import type { RunningApp } from '@onqueue/shared'
import { openAccess } from './access/open-access.ts'
import { keysFileOf } from './config.ts'
import type { ApiConfig } from './config.ts'
import { createDoor } from './http/connections/door.ts'
import { serveRequests } from './http/connections/serve-requests.ts'
import { listen } from './http/connections/listen.ts'
import { createReadinessCheck } from './http/health/readiness.ts'
import { UnderWay } from './http/under-way.ts'
import { createWaitingApp } from './http/health/waiting-app.ts'
import { openRedis } from './redis/redis-access.ts'
import { openApp } from './open-app.ts'

/**
 * Starts the API: it listens at once, and is ready when there is a Redis. Throws a ConfigError, one sentence, when it can't
 * run as it is configured.
 */
export const startApi = async (config: ApiConfig, ending: AbortSignal): Promise<RunningApp> => {
  const log = createLogger({ service: 'api', level: config.LOG_LEVEL })
  const access = openAccess({
    keysText: config.ONQUEUE_API_KEYS,
    keysFile: keysFileOf(config),
    host: config.ONQUEUE_HOST,
    allowAnonymous: config.ONQUEUE_ALLOW_ANONYMOUS,
    log,
  })

  const storage = createOwnStorage({ folder: storageFolderOf(config), log })

  await using opened = new AsyncDisposableStack()
  const namespace = config.ONQUEUE_PREFIX
  const connections = openRedis({ url: config.REDIS_URL, namespace, log })
  opened.defer(() => connections.close())
  let app: Awaited<ReturnType<typeof openApp>> | undefined
  const isReady = createReadinessCheck({
    condition: connections.condition,
    clock: connections.clock,
    models: () => app?.models,
    warnings: () => app?.warnings() ?? [],
    isClosing: () => door.isClosing(),
  })
  const { server, port, url } = await listen({
    host: config.ONQUEUE_HOST,
    port: config.PORT,
    requestMs: config.ONQUEUE_BODY_TIMEOUT,
  })
  const door = createDoor(server)
  opened.defer(() => door.close({ drainMs: 0, graceMs: 0 }))
  const publicUrl = publicUrlOf(config, port)
  const underWay = new UnderWay(config.ONQUEUE_UNDER_WAY_LIMIT_BYTES, {
    bodies: config.ONQUEUE_OPEN_BODIES_PER_KEY,
    streams: config.ONQUEUE_STREAMS_PER_KEY,
    waits: config.ONQUEUE_WAITS_PER_KEY,
    transfers: config.ONQUEUE_TRANSFERS_PER_KEY,
  })
  underWay.watch(server, { patienceMs: 60_000 })

  const waiting = createWaitingApp({ isReady })
  serveRequests(server, {
    fetch: (...request) => (app ?? waiting).fetch(...request),
    log,
    connectionsPerAddress: config.ONQUEUE_CONNECTIONS_PER_ADDRESS,
    trustedProxies: config.ONQUEUE_TRUSTED_PROXIES,
    onConnectionRefused: () => app?.connectionRefused(),
  })
  const rooms = openWhenUsable({
    connections: connections.all,
    url: config.REDIS_URL,
    ending,
    open: async (stack) => {
      await connections.clock.read()
      app = await openApp({
        config,
        access,
        storage,
        connections,
        publicUrl,
        underWay,
        isReady,
        log,
        opened: stack,
      })
    },
  })
  const health = await startHealthServer({
    host: config.ONQUEUE_API_HEALTH_HOST,
    port: config.ONQUEUE_API_HEALTH_PORT,
    hostSetting: 'ONQUEUE_API_HEALTH_HOST',
    portSetting: 'ONQUEUE_API_HEALTH_PORT',
    metricsHosts: config.ONQUEUE_METRICS_HOSTS,
    log,
    isReady,
    metrics: async () => app?.collectMetrics() ?? '',
  })
  opened.defer(() => health.close())
  opened.defer(() => rooms.close())
  await rooms.settled
  log.info({ host: config.ONQUEUE_HOST, port, publicUrl }, 'api listens')

  const running = opened.move()
  return {
    url,
    graceMs: config.ONQUEUE_API_DRAIN + config.ONQUEUE_API_GRACE,
    isBusy: () => door.isBusy(),
    failed: rooms.failed,
    close: async (graceMs) => {
      await door.close({
        // nothing of it is left where there is less time than usual
        drainMs: Math.max(0, graceMs - config.ONQUEUE_API_GRACE),
        graceMs: Math.min(graceMs, config.ONQUEUE_API_GRACE),
        onLastCall: () => app?.endStreams(),
        onGraceOver: () => app?.endWaits(),
      })
      await running.disposeAsync()
    },
  }
}
