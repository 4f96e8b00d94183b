import { readFileSync } from 'node:fs'
import type { Logger } from '@onqueue/shared'
import { Hono } from 'hono'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { ApiEnvironment } from './http/api-environment.ts'
import { countRequests } from './http/count-requests.ts'
import type { WaitingPredictions } from './models/waiting-predictions.ts'
import { createMetrics } from './metrics.ts'
import { modelEntry, modelsOf } from './models/model-entry.fixture.ts'

const start = ({
  readWaiting = async () => ({ count: 0, oldestAgeSeconds: null }),
  log = pino({ level: 'silent' }),
}: { readWaiting?: () => Promise<WaitingPredictions>; log?: Logger } = {}) =>
  createMetrics({
    models: modelsOf([modelEntry('iris')], readWaiting),
    countWaiters: () => 3,
    countEventStreams: () => 2,
    refusals: () => [{ code: 'MISCONF', count: 2 }],
    clockAheadMs: () => -2500,
    log,
    hasProcessMetrics: false,
  })

test('every metric is in docs/metrics.md, with its type and meaning', async () => {
  const docs = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8').split('\n')

  const metrics = await start().registry.getMetricsAsJSON()

  const undocumented = metrics.filter(
    ({ name, type, help }) =>
      !docs.some(
        (line) => line.startsWith(`| \`${name}\` | ${String(type)} |`) && line.endsWith(`| ${help} |`),
      ),
  )
  expect(undocumented.map(({ name }) => name)).toEqual([])
})

test('requests are counted by route pattern and status, errors and unknown paths too', async () => {
  const metrics = start()
  const app = new Hono<ApiEnvironment>()
  app.use(countRequests(metrics.countRequest))
  app.onError((_, c) => c.text('', 503))
  app.get('/v1/models/:model', (c) => {
    if (c.req.param('model') === 'broken') throw new Error('broken')
    return c.text('ok')
  })

  for (const path of ['/v1/models/iris', '/v1/models/minilm', '/v1/models/broken', '/wp-login.php'])
    await app.request(path)
  await app.request('/v1/models/iris', { method: 'PROPFIND' })

  const text = await metrics.collect()
  expect(linesOf(text, 'onqueue_http_requests_total')).toEqual([
    'onqueue_http_requests_total{method="GET",route="/v1/models/:model",status="200"} 2',
    'onqueue_http_requests_total{method="GET",route="/v1/models/:model",status="503"} 1',
    'onqueue_http_requests_total{method="GET",route="unmatched",status="404"} 1',
    'onqueue_http_requests_total{method="other",route="unmatched",status="404"} 1',
  ])
  expect(text).toContain('onqueue_http_request_duration_seconds_count{route="/v1/models/:model"} 3')
})

test('a model that nobody knows is not a label', async () => {
  const metrics = start()

  metrics.countSubmitted('iris', 'high')
  metrics.countRefused('iris', 'backlog_full')
  metrics.countRefused('x'.repeat(100), 'model_not_found')

  const text = await metrics.collect()
  expect(linesOf(text, 'onqueue_predictions')).toEqual([
    'onqueue_predictions_submitted_total{model="iris",priority="high"} 1',
    'onqueue_predictions_refused_total{model="iris",code="backlog_full"} 1',
    'onqueue_predictions_refused_total{model="",code="model_not_found"} 1',
  ])
})

test('queues, workers, waiters and streams are read at the scrape', async () => {
  const metrics = start({ readWaiting: async () => ({ count: 7, oldestAgeSeconds: 1.5 }) })

  const text = await metrics.collect()

  expect(text).toContain('onqueue_queue_depth{model="iris"} 7\n')
  expect(text).toContain('onqueue_oldest_waiting_seconds{model="iris"} 1.5\n')
  expect(text).toContain('onqueue_model_workers{model="iris"} 1\n')
  expect(text).toContain('onqueue_waiters 3\n')
  expect(text).toContain('onqueue_event_streams 2\n')
  expect(text).toContain('onqueue_clock_offset_seconds -2.5\n')
})

test('without Redis a scrape leaves the queues out and tells the rest', async () => {
  let isRedisThere = true
  const metrics = start({
    readWaiting: async () => {
      if (!isRedisThere) throw new Error('Connection is closed.')
      return { count: 7, oldestAgeSeconds: 1.5 }
    },
  })
  await metrics.collect()

  isRedisThere = false
  const text = await metrics.collect()

  expect(linesOf(text, 'onqueue_queue_depth')).toEqual([])
  expect(text).toContain('onqueue_waiters 3\n')
})

test('what keeps a scrape from reading them is logged, unless Redis is away', async () => {
  const logged: { msg: string; err: { message: string } }[] = []
  const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) })
  const errors = ['Connection is closed.', 'a defect']
  const metrics = start({
    log,
    readWaiting: async () => {
      throw new Error(errors.shift())
    },
  })

  await metrics.collect()
  await metrics.collect()

  expect(logged.map(({ msg, err }) => [msg, err.message])).toEqual([
    ['queues could not be read for a scrape', 'a defect'],
  ])
})

const linesOf = (text: string, name: string) => text.split('\n').filter((line) => line.startsWith(name))
