import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createWorkerMetrics } from './metrics.ts'

const job = {
  model: 'iris',
  version: '1',
  digest: 'd',
  owner: 'ada',
  requestId: 'r',
  inputBytes: 10,
  arrayLength: null,
  priority: 'normal',
  metadata: {},
  deadline: null,
  createdAt: 1000,
} as const

const outcome = {
  status: 'succeeded',
  output: {},
  error: null,
  startedAt: 1500,
  completedAt: 1600,
  predictMs: 5,
  batchSize: 1,
  attempts: 1,
} as const

const create = () =>
  createWorkerMetrics({
    executors: () => [{ model: 'iris', pids: [process.pid] }],
    inFlight: () => [{ model: 'iris', predictions: 3 }],
    rowLimits: () => [{ model: 'iris', version: '1', rows: 17, boundBy: 'time' }],
    versions: () => [{ model: 'iris', status: 'ready' }],
    batchExecutors: async () => [{ model: 'iris', pid: process.pid }],
    refusals: () => [{ code: 'READONLY', count: 2 }],
    clockAheadMs: () => 600_000,
  })

test('a scrape tells how predictions ended, how long they waited, and what ran together', async () => {
  const metrics = create()

  metrics.predictionEnded('iris', outcome, job)
  metrics.microBatchRan('iris', 8, 12)
  metrics.executorDied('iris', 'timed_out')
  metrics.executorDied('iris', 'stopped')
  const text = await metrics.registry.metrics()

  expect(text).toContain('onqueue_predictions_total{model="iris",status="succeeded",code=""} 1')
  expect(text).toContain('onqueue_queue_time_seconds_sum{model="iris"} 0.5')
  expect(text).toContain('onqueue_micro_batch_rows_sum{model="iris"} 8')
  expect(text).toContain('onqueue_micro_batch_limit_rows{model="iris",version="1",bound_by="time"} 17')
  expect(text).toContain('onqueue_run_time_seconds_sum{model="iris"} 0.012')
  expect(text).toContain('onqueue_executor_restarts_total{model="iris",cause="timed_out"} 1')
  expect(text).toContain('onqueue_runs_stopped_total{model="iris"} 1')
  expect(text).toContain('onqueue_predictions_in_hand{model="iris"} 3')
  expect(text).toContain('onqueue_clock_offset_seconds 600\n')
  expect(text).toContain('onqueue_redis_refusals_total{code="READONLY"} 2')
  expect(text).toContain('onqueue_model_versions{model="iris",status="ready"} 1')
  expect(text).toMatch(/onqueue_executor_memory_bytes\{model="iris"\} [1-9]\d{6,}/)
})

test('chunks of batches are counted by their rows', async () => {
  const metrics = create()
  metrics.chunkScored('iris', { rows: 100, failed: 3, bytes: 5000 })
  metrics.chunkScored('iris', { rows: 50, failed: 0, bytes: 2500 })

  const text = await metrics.registry.metrics()

  expect(text).toContain('onqueue_batch_chunks_total{model="iris"} 2')
  expect(text).toContain('onqueue_batch_rows_total{model="iris",status="succeeded"} 147')
  expect(text).toContain('onqueue_batch_rows_total{model="iris",status="failed"} 3')
  expect(text).toContain('onqueue_batch_output_bytes_total{model="iris"} 7500')
  expect(text).toMatch(/onqueue_batch_executor_memory_bytes\{model="iris"\} [1-9]\d{6,}/)
})

test('every metric is in docs/metrics.md, with its type and meaning', async () => {
  const docs = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
  const own = (await create().registry.getMetricsAsJSON()).filter(({ name }) => name.startsWith('onqueue_'))

  expect(own.length).toBe(17)
  for (const { name, type, help } of own) {
    const line = docs.split('\n').find((one) => one.startsWith(`| \`${name}\` |`))
    expect(line).toContain(`| ${type} |`)
    expect(line).toContain(`| ${help} |`)
  }
})
