import {
  connectConsumer,
  connectSubscriber,
  createLogger,
  createRedisClock,
  openWhenUsable,
  RedisCondition,
  startHealthServer,
  urlHost,
} from '@onqueue/shared'
import type { RunningApp } from '@onqueue/shared'
import type { WebhooksConfig } from './config.ts'
import { createWebhooksMetrics } from './metrics.ts'
import { openDelivering } from './open-delivering.ts'
import type { Delivering } from './open-delivering.ts'
import { readWaitingEndpoints } from './schedule/read-waiting-endpoints.ts'

/**
 * Starts the process that delivers webhooks: it creates deliveries of predictions that ended, and attempts them until they
 * arrive. The only process that dials addresses chosen by callers. Any number of them may run.
 * It does so as soon as there is a Redis.
 *
 * Rejects with one sentence, and leaves nothing open, when this Redis or the health port can't be used.
 */
export const startWebhooks = async (config: WebhooksConfig, ending: AbortSignal): Promise<RunningApp> => {
  const log = createLogger({ service: 'webhooks', level: config.LOG_LEVEL })
  await using opened = new AsyncDisposableStack()
  const condition = new RedisCondition({ log })
  opened.defer(() => condition.close())
  const redis = connectConsumer(config.REDIS_URL, { log, condition })
  opened.defer(() => redis.disconnect())
  const subscriber = connectSubscriber(config.REDIS_URL, { log, condition })
  opened.defer(() => subscriber.disconnect())

  const clock = createRedisClock({ redis, log })
  opened.defer(() => clock.close())
  const store = { redis, namespace: config.ONQUEUE_PREFIX, clock: clock.now }
  condition.watch(store)
  let delivering: Delivering | undefined
  let graceMs = config.ONQUEUE_WEBHOOKS_GRACE
  let isEnding = false
  const metrics = createWebhooksMetrics({
    inFlight: () => delivering?.inFlight() ?? 0,
    readWaiting: () => readWaitingEndpoints(store),
    refusals: () => condition.counts(),
    clockAheadMs: () => clock.aheadMs(),
    log,
  })
  const health = await startHealthServer({
    host: config.ONQUEUE_WEBHOOKS_HEALTH_HOST,
    port: config.ONQUEUE_WEBHOOKS_HEALTH_PORT,
    hostSetting: 'ONQUEUE_WEBHOOKS_HEALTH_HOST',
    portSetting: 'ONQUEUE_WEBHOOKS_HEALTH_PORT',
    metricsHosts: config.ONQUEUE_METRICS_HOSTS,
    log,
    isReady: async () => {
      const reasons = [
        ...(isEnding ? ['this process stops'] : []),
        ...(await condition.check()),
        ...(rooms.isOpen() ? [] : ['it is still starting']),
      ]
      return { ready: reasons.length === 0, reasons: [...reasons, ...clock.warnings()] }
    },
    metrics: () => metrics.registry.metrics(),
  })
  opened.defer(() => health.close())
  const rooms = openWhenUsable({
    connections: [redis, subscriber],
    url: config.REDIS_URL,
    ending,
    open: async (stack) => {
      await clock.read()
      delivering = await openDelivering({
        ...store,
        config,
        subscriber,
        metrics,
        log,
        graceMs: () => graceMs,
        opened: stack,
      })
    },
  })
  opened.defer(() => rooms.close())
  await rooms.settled

  const running = opened.move()
  return {
    url: `http://${urlHost(config.ONQUEUE_WEBHOOKS_HEALTH_HOST)}:${health.port}`,
    graceMs,
    isBusy: () => (delivering?.inFlight() ?? 0) > 0,
    failed: rooms.failed,
    close: (allowedMs) => {
      isEnding = true
      graceMs = allowedMs
      return running.disposeAsync()
    },
  }
}
