import { readFileSync } from 'node:fs'
import { createLogger } from '@onqueue/shared'
import { expect, test, vi } from 'vitest'
import { createWebhooksMetrics } from './metrics.ts'

const start = ({
  readWaiting = async () => ({ endpoints: 0, overdueSeconds: 0 }),
  log = createLogger({ service: 'test', level: 'silent' }),
} = {}) =>
  createWebhooksMetrics({
    inFlight: () => 3,
    readWaiting,
    refusals: () => [{ code: 'OOM', count: 4 }],
    clockAheadMs: () => 0,
    log,
  })

const answered = (statusCode: number | null) => ({
  statusCode,
  error: statusCode === 200 ? null : 'it was refused',
  retryAfter: null,
  responseHead: null,
  durationMs: 20,
})

test('every metric is in docs/metrics.md, with its type and meaning', async () => {
  const docs = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8').split('\n')

  const metrics = await start().registry.getMetricsAsJSON()

  const undocumented = metrics.filter(
    ({ name, type, help }) =>
      name.startsWith('onqueue_') &&
      !docs.some(
        (line) => line.startsWith(`| \`${name}\` | ${String(type)} |`) && line.endsWith(`| ${help} |`),
      ),
  )
  expect(undocumented.map(({ name }) => name)).toEqual([])
})

test('attempts are counted by what came of the delivery and the class of the answer', async () => {
  const metrics = start()

  metrics.attempted(answered(200), 'delivered')
  metrics.attempted(answered(503), 'retry')
  metrics.attempted(answered(500), 'retry')
  metrics.attempted(answered(410), 'failed')
  metrics.attempted(answered(null), 'retry')

  const text = await metrics.registry.metrics()
  expect(linesOf(text, 'onqueue_delivery_attempts_total')).toEqual([
    'onqueue_delivery_attempts_total{result="delivered",status="2xx"} 1',
    'onqueue_delivery_attempts_total{result="retry",status="5xx"} 2',
    'onqueue_delivery_attempts_total{result="failed",status="4xx"} 1',
    'onqueue_delivery_attempts_total{result="retry",status="none"} 1',
  ])
  expect(text).toContain('onqueue_delivery_attempt_seconds_sum 0.1\n')
})

test('the lag is from the end of a prediction until its delivery was made, in seconds', async () => {
  const metrics = start()

  metrics.deliveryCreated('iris', 40)

  expect(await metrics.registry.metrics()).toContain('onqueue_delivery_lag_seconds_sum{model="iris"} 0.04\n')
})

test('attempts under way and the backlog are read at the scrape', async () => {
  const metrics = start({ readWaiting: async () => ({ endpoints: 7, overdueSeconds: 1.5 }) })

  const text = await metrics.registry.metrics()

  expect(text).toContain('onqueue_deliveries_in_flight 3\n')
  expect(text).toContain('onqueue_delivery_endpoints_waiting 7\n')
  expect(text).toContain('onqueue_delivery_overdue_seconds 1.5\n')
  expect(text).toContain('onqueue_redis_refusals_total{code="OOM"} 4\n')
})

test('without Redis a scrape leaves the backlog out and tells the rest', async () => {
  let isRedisThere = true
  const metrics = start({
    readWaiting: async () => {
      if (!isRedisThere) throw new Error('Connection is closed.')
      return { endpoints: 7, overdueSeconds: 1.5 }
    },
  })
  await metrics.registry.metrics()

  isRedisThere = false
  const text = await metrics.registry.metrics()

  expect(linesOf(text, 'onqueue_delivery_endpoints_waiting')).toEqual([])
  expect(linesOf(text, 'onqueue_delivery_overdue_seconds')).toEqual([])
  expect(text).toContain('onqueue_deliveries_in_flight 3\n')
})

test('what keeps a scrape from reading them is logged, unless Redis is away', async () => {
  const log = createLogger({ service: 'test', level: 'silent' })
  const warn = vi.spyOn(log, 'warn')
  const errors = ['Connection is closed.', 'a defect']
  const metrics = start({
    log,
    readWaiting: async () => {
      throw new Error(errors.shift())
    },
  })

  await metrics.registry.metrics()
  await metrics.registry.metrics()

  expect(warn.mock.calls).toEqual([
    [{ err: new Error('a defect') }, 'endpoints could not be read for a scrape'],
  ])
})

const linesOf = (text: string, name: string) => text.split('\n').filter((line) => line.startsWith(name))
