import {
  connectConsumer,
  connectSubscriber,
  createDeliveryStore,
  createEventsTokens,
  createLogger,
  createShowPrediction,
  publicUrlOf,
  RedisCondition,
  readSharedSecret,
  receiverPoliciesOf,
  startHealthServer,
  urlHost,
  untilUsable,
} from '@onqueue/shared'
import { openAttempts } from './attempts/open-attempts.ts'
import { maxOpenMsOf } from './attempts/retry-policy.ts'
import type { WebhooksConfig } from './config.ts'
import { openCreating } from './creating/open-creating.ts'
import { Dispatcher } from './dispatch/dispatcher.ts'
import { createWebhooksMetrics } from './metrics.ts'
import { createDeliverySchedule, leaseSlackMs } from './schedule/delivery-schedule.ts'
import { readWaitingEndpoints } from './schedule/read-waiting-endpoints.ts'
import { createDeliverySweeper } from './upkeep/sweep-deliveries.ts'

/**
 * Starts the process that delivers webhooks: it creates deliveries of predictions that ended, and attempts them until they
 * arrive. The only process that dials addresses chosen by callers. Any number of them may run.
 *
 * Rejects with one sentence, and leaves nothing open, when Redis or the health port can't be used.
 */
export const startWebhooks = async (config: WebhooksConfig) => {
  const log = createLogger({ service: 'webhooks', level: config.LOG_LEVEL })
  await using opened = new AsyncDisposableStack()
  const condition = new RedisCondition({ log })
  opened.defer(() => condition.close())
  const redis = connectConsumer(config.REDIS_URL, { log, condition })
  opened.defer(() => redis.disconnect())
  const subscriber = connectSubscriber(config.REDIS_URL, { log, condition })
  opened.defer(() => subscriber.disconnect())
  await untilUsable([redis, subscriber], config.REDIS_URL)

  const store = { redis, namespace: config.ONQUEUE_PREFIX }
  condition.watch(store)
  const secret = await readSharedSecret({ ...store, configured: config.ONQUEUE_SECRET })
  const show = createShowPrediction({
    publicUrl: publicUrlOf(config, config.PORT),
    retentionMs: config.ONQUEUE_RETENTION,
    tokens: createEventsTokens(secret),
  })

  const metrics = createWebhooksMetrics({
    inFlight: () => dispatcher.inFlight(),
    readWaiting: () => readWaitingEndpoints(store),
    refusals: () => condition.counts(),
    log,
  })
  const deliveries = createDeliveryStore(store)
  const schedule = createDeliverySchedule({
    ...store,
    leaseMs: config.ONQUEUE_WEBHOOK_TIMEOUT + leaseSlackMs,
    log,
  })
  const attempts = openAttempts({
    ...store,
    schedule,
    deliveries,
    receivers: receiverPoliciesOf(config),
    connectTimeoutMs: config.ONQUEUE_WEBHOOK_CONNECT_TIMEOUT,
    totalTimeoutMs: config.ONQUEUE_WEBHOOK_TIMEOUT,
    waits: config.ONQUEUE_WEBHOOK_SCHEDULE,
    log,
    onAttempt: (result, step) => metrics.attempted(result, step),
  })
  opened.defer(() => attempts.close())
  const dispatcher = new Dispatcher({
    schedule,
    attempt: attempts.make,
    maxInFlight: config.ONQUEUE_WEBHOOK_IN_FLIGHT,
    maxPerEndpoint: config.ONQUEUE_WEBHOOK_IN_FLIGHT_PER_ENDPOINT,
    maxOpenMs: maxOpenMsOf(config.ONQUEUE_WEBHOOK_SCHEDULE),
    log,
  })
  opened.defer(() => dispatcher.close(config.ONQUEUE_WEBHOOKS_GRACE))
  const sweeper = createDeliverySweeper({
    ...store,
    retentionMs: config.ONQUEUE_RETENTION,
    minRetentionMs: config.ONQUEUE_RETENTION_MIN,
    failedRetentionMs: config.ONQUEUE_WEBHOOK_FAILED_RETENTION,
    watermark: config.ONQUEUE_SWEEP_WATERMARK,
    log,
  })
  opened.defer(() => sweeper.close())
  const creating = await openCreating({
    ...store,
    subscriber,
    deliveries,
    show,
    log,
    onCreated: (model, lagMs) => metrics.deliveryCreated(model, lagMs),
    onDue: () => dispatcher.wake(),
  })
  opened.defer(() => creating.close())

  const health = await startHealthServer({
    host: config.ONQUEUE_WEBHOOKS_HEALTH_HOST,
    port: config.ONQUEUE_WEBHOOKS_HEALTH_PORT,
    hostSetting: 'ONQUEUE_WEBHOOKS_HEALTH_HOST',
    portSetting: 'ONQUEUE_WEBHOOKS_HEALTH_PORT',
    metricsHosts: config.ONQUEUE_METRICS_HOSTS,
    log,
    isReady: async () => {
      const reasons = await condition.check()
      return { ready: reasons.length === 0, reasons }
    },
    metrics: () => metrics.registry.metrics(),
  })
  opened.defer(() => health.close())

  const running = opened.move()
  return {
    url: `http://${urlHost(config.ONQUEUE_WEBHOOKS_HEALTH_HOST)}:${health.port}`,
    close: () => running.disposeAsync(),
  }
}
