import {
  createDeliveryStore,
  createEventsTokens,
  createShowPrediction,
  createWebhookSecrets,
  openSecrets,
  publicUrlOf,
  receiverPoliciesOf,
} from '@onqueue/shared'
import type { DatedStore, Logger } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { openAttempts } from './attempts/open-attempts.ts'
import { maxOpenMsOf } from './attempts/retry-policy.ts'
import type { WebhooksConfig } from './config.ts'
import { openCreating } from './creating/open-creating.ts'
import { Dispatcher } from './dispatch/dispatcher.ts'
import type { WebhooksMetrics } from './metrics.ts'
import { createDeliverySchedule, leaseSlackMs } from './schedule/delivery-schedule.ts'
import { createSecretsBringer } from './upkeep/bring-secrets.ts'
import { createLossFinder } from './upkeep/find-losses.ts'
import { createDeliverySweeper } from './upkeep/sweep-deliveries.ts'

/** Deliveries being made and attempted. */
export type Delivering = { inFlight: () => number }

/** Opens what makes and attempts deliveries, on a Redis that is there. `opened` closes it again. */
export const openDelivering = async ({
  redis,
  namespace,
  clock,
  config,
  subscriber,
  metrics,
  log,
  graceMs,
  opened,
}: DatedStore & {
  config: WebhooksConfig
  subscriber: Redis
  metrics: WebhooksMetrics
  log: Logger
  /** for attempts under way, when it is told to end */
  graceMs: () => number
  opened: AsyncDisposableStack
}): Promise<Delivering> => {
  const store = { redis, namespace, clock }
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
  const publicUrl = publicUrlOf(config, config.PORT)
  const show = createShowPrediction({
    publicUrl,
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
    clock,
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
    clock,
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
    publicUrl,
    areBatchDeliveriesRead: () => secrets.areBatchDeliveriesRead(),
    log,
    onCreated: (model, lagMs) => metrics.deliveryCreated(model, lagMs),
    onDue: () => dispatcher.wake(),
  })
  opened.defer(() => creating.close())

  return { inFlight: () => dispatcher.inFlight() }
}
