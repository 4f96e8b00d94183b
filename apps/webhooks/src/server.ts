import {
  connectConsumer,
  connectSubscriber,
  createDeliveryStore,
  createEventsTokens,
  createLogger,
  createShowPrediction,
  createWebhookSecrets,
  publicUrlOf,
  RedisCondition,
  receiverPoliciesOf,
  openSecrets,
  openWhenUsable,
  startHealthServer,
  urlHost,
} from '@onqueue/shared'
import type { Logger, RedisStore, RunningApp } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { openAttempts } from './attempts/open-attempts.ts'
import { maxOpenMsOf } from './attempts/retry-policy.ts'
import type { WebhooksConfig } from './config.ts'
import { openCreating } from './creating/open-creating.ts'
import { Dispatcher } from './dispatch/dispatcher.ts'
import { createWebhooksMetrics } from './metrics.ts'
import { createDeliverySchedule, leaseSlackMs } from './schedule/delivery-schedule.ts'
import { readWaitingEndpoints } from './schedule/read-waiting-endpoints.ts'
import { createSecretsBringer } from './upkeep/bring-secrets.ts'
import { createLossFinder } from './upkeep/find-losses.ts'
import { createDeliverySweeper } from './upkeep/sweep-deliveries.ts'

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

  const store = { redis, namespace: config.ONQUEUE_PREFIX }
  condition.watch(store)
  let delivering: Delivering | undefined
  let graceMs = config.ONQUEUE_WEBHOOKS_GRACE
  let isEnding = false
  const metrics = createWebhooksMetrics({
    inFlight: () => delivering?.inFlight() ?? 0,
    readWaiting: () => readWaitingEndpoints(store),
    refusals: () => condition.counts(),
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
      return { ready: reasons.length === 0, reasons }
    },
    metrics: () => metrics.registry.metrics(),
  })
  opened.defer(() => health.close())
  const rooms = openWhenUsable({
    connections: [redis, subscriber],
    url: config.REDIS_URL,
    ending,
    open: async (stack) => {
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

type Delivering = { inFlight: () => number }

/** Opens what makes and attempts deliveries, on a Redis that is there. `opened` closes it again. */
const openDelivering = async ({
  redis,
  namespace,
  config,
  subscriber,
  metrics,
  log,
  graceMs,
  opened,
}: RedisStore & {
  config: WebhooksConfig
  subscriber: Redis
  metrics: ReturnType<typeof createWebhooksMetrics>
  log: Logger
  /** for attempts under way, when it is told to end */
  graceMs: () => number
  opened: AsyncDisposableStack
}): Promise<Delivering> => {
  const store = { redis, namespace }
  const secrets = await openSecrets({
    ...store,
    app: 'webhooks',
    configured: config.ONQUEUE_SECRET,
    previous: config.ONQUEUE_SECRET_PREVIOUS,
    log,
  })
  opened.defer(() => secrets.close())
  const webhookSecrets = createWebhookSecrets({
    ...store,
    forms: secrets.forms,
    onLost: (owner) => {
      log.error({ owner }, 'redis had lost the secrets of webhooks: new ones sign, tell their owner')
      metrics.lossFound('webhook_secret')
    },
  })
  const bringer = createSecretsBringer({
    ...store,
    secrets: webhookSecrets,
    onFormsChange: (listener) => secrets.onFormsChange(listener),
    log,
  })
  opened.defer(() => bringer.close())
  const show = createShowPrediction({
    publicUrl: publicUrlOf(config, config.PORT),
    retentionMs: config.ONQUEUE_RETENTION,
    tokens: createEventsTokens(() => secrets.all()),
  })

  const deliveries = createDeliveryStore(store)
  const schedule = createDeliverySchedule({
    ...store,
    leaseMs: config.ONQUEUE_WEBHOOK_TIMEOUT + leaseSlackMs,
    onBodyLost: () => metrics.lossFound('body'),
    log,
  })
  const attempts = openAttempts({
    secrets: webhookSecrets,
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
  opened.defer(() => dispatcher.close(graceMs()))
  const sweeper = createDeliverySweeper({
    ...store,
    retentionMs: config.ONQUEUE_RETENTION,
    minRetentionMs: config.ONQUEUE_RETENTION_MIN,
    failedRetentionMs: config.ONQUEUE_WEBHOOK_FAILED_RETENTION,
    watermark: config.ONQUEUE_SWEEP_WATERMARK,
    log,
  })
  opened.defer(() => sweeper.close())
  const losses = createLossFinder({
    ...store,
    deliveries,
    log,
    onRepaired: (kind) => metrics.lossFound(kind),
  })
  opened.defer(() => losses.close())
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

  return { inFlight: () => dispatcher.inFlight() }
}
