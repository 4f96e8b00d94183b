import { clockOffset, isRedisAway, redisLosses, redisRefusals } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { AttemptResult } from './attempts/attempt-result.ts'
import type { NextStep } from './attempts/retry-policy.ts'

/** The metrics of one webhooks process. docs/metrics.md explains every metric. */
export type WebhooksMetrics = {
  registry: Registry
  attempted(result: AttemptResult, step: NextStep['kind']): void
  deliveryCreated(model: string, lagMs: number): void
  /** Redis had lost something of this kind, which was put right */
  lossFound(kind: string): void
}

export const createWebhooksMetrics = ({
  inFlight,
  readWaiting,
  refusals,
  clockAheadMs,
  log,
}: {
  inFlight: () => number
  /** endpoints with deliveries that wait, and how long the most overdue one has been due, in seconds */
  readWaiting: () => Promise<{ endpoints: number; overdueSeconds: number }>
  /** what Redis refused so far */
  refusals: () => { code: string; count: number }[]
  /** how far the own clock is ahead of Redis' */
  clockAheadMs: () => number
  log: Logger
}): WebhooksMetrics => {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const attempts = new Counter({
    name: 'onqueue_delivery_attempts_total',
    help: 'Attempts to deliver a webhook, by what came of the delivery and the class of the answer',
    labelNames: ['result', 'status'],
    registers,
  })
  const duration = new Histogram({
    name: 'onqueue_delivery_attempt_seconds',
    help: 'Time of one attempt',
    buckets: [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 15],
    registers,
  })
  const lag = new Histogram({
    name: 'onqueue_delivery_lag_seconds',
    help: 'From the end of a prediction until its delivery was made',
    labelNames: ['model'],
    buckets: [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
    registers,
  })
  new Gauge({
    name: 'onqueue_deliveries_in_flight',
    help: 'Attempts under way',
    registers,
    collect() {
      this.set(inFlight())
    },
  })
  // one reading for both gauges of a scrape, which is of use also while Redis is away
  let reading: Promise<Awaited<ReturnType<typeof readWaiting>> | undefined> | undefined
  const readOnce = () =>
    (reading ??= readWaiting()
      .catch((err: unknown) => {
        if (!isRedisAway(err)) log.warn({ err }, 'endpoints could not be read for a scrape')
        return undefined
      })
      .finally(() => (reading = undefined)))
  const setToWaiting = async (gauge: Gauge, key: 'endpoints' | 'overdueSeconds') => {
    const waiting = await readOnce()
    if (waiting) gauge.set(waiting[key])
    else gauge.remove()
  }
  new Gauge({
    name: 'onqueue_delivery_endpoints_waiting',
    help: 'Endpoints with deliveries that wait for an attempt',
    registers,
    collect() {
      return setToWaiting(this, 'endpoints')
    },
  })
  new Gauge({
    name: 'onqueue_delivery_overdue_seconds',
    help: 'How long the most overdue endpoint has waited to be looked at; 0 when none is overdue',
    registers,
    collect() {
      return setToWaiting(this, 'overdueSeconds')
    },
  })
  const losses = new Counter({ ...redisLosses, registers })
  new Counter({ ...redisRefusals(refusals), registers })
  new Gauge({ ...clockOffset(clockAheadMs), registers })

  return {
    registry,
    attempted: ({ statusCode, durationMs }, result) => {
      attempts.inc({ result, status: statusCode === null ? 'none' : `${Math.floor(statusCode / 100)}xx` })
      duration.observe(durationMs / 1000)
    },
    lossFound: (kind) => losses.inc({ kind }),
    deliveryCreated: (model, lagMs) => lag.observe({ model }, lagMs / 1000),
  }
}
