import { readFileSync } from 'node:fs'
import { AppError } from '@onqueue/shared'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { modelEntry } from '../models/model-entry.fixture.ts'
import { addBatchMetrics } from './batch-metrics.ts'
import type { ActiveBatches } from './open-batches.ts'

const start = (
  readActive: () => Promise<ActiveBatches> = async () => ({ count: 2, oldestAgeSeconds: 9.5 }),
) => {
  const registry = new Registry()
  const added = addBatchMetrics(registry, {
    catalog: { list: () => [modelEntry('iris')] },
    readActive,
    storage: async () => {
      throw new AppError('storage_unavailable', 'away')
    },
    log: pino({ level: 'silent' }),
  })
  return { registry, ...added }
}

test('a scrape tells of files that were taken in, and of batches that have not ended', async () => {
  const { registry, fileReceived } = start()
  fileReceived(100)
  fileReceived(20)

  const text = await registry.metrics()

  expect(text).toContain('onqueue_uploads_total 2\n')
  expect(text).toContain('onqueue_upload_bytes_total 120\n')
  expect(text).toContain('onqueue_batches_active{model="iris"} 2\n')
  expect(text).toContain('onqueue_oldest_batch_seconds{model="iris"} 9.5\n')
})

test('what can not be read at the moment is no number', async () => {
  const { registry } = start(async () => {
    throw new Error('redis is away')
  })

  const text = await registry.metrics()

  expect(text).not.toMatch(/^onqueue_(batches_active|oldest_batch_seconds)\{/m)
  expect(text).toContain('onqueue_storage_free_bytes Nan\n')
})

test('every metric is in docs/metrics.md, with its type and meaning', async () => {
  const docs = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8').split('\n')

  const metrics = await start().registry.getMetricsAsJSON()

  const lines = metrics.map(({ name, type, help }) => `| \`${name}\` | ${String(type)} |.*| ${help} |`)
  expect(lines).toHaveLength(5)
  for (const line of lines) {
    const [begin = '', end = ''] = line.split('.*')
    expect(docs.some((one) => one.startsWith(begin) && one.endsWith(end))).toBe(true)
  }
})
