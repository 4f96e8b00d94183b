import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createBatcher } from './batcher.ts'

let stack: Stack

beforeAll(async () => {
  stack = await startStack({
    models: [testModel('crashes')],
    environment: { ONQUEUE_BATCH_EXECUTORS: '1' },
  })
})
afterAll(() => stack.close())

test.skipIf(process.arch !== 'x64')(
  'twenty rows that end their executors fail alone, and no restart waits for the ones before',
  { timeout: 300_000 },
  async () => {
    const batcher = createBatcher(stack.url)
    const bad = Array.from({ length: 20 }, (_, index) => 100 + 300 * index)
    const lines = Array.from({ length: 6000 }, (_, row) => `{"i":${bad.includes(row) ? 999 : row % 100}}\n`)

    const { body } = await batcher.submit('crashes', lines.join(''))
    const batch = await batcher.untilEnded(body.id, { timeoutMs: 280_000 })

    const log = (stack.workers[0]?.log() ?? '').split('\n')
    const deaths = log.filter((line) => line.includes('batch executor died')).map((line) => JSON.parse(line))
    expect(batch).toMatchObject({ status: 'completed', counts: { total: 6000, completed: 5980, failed: 20 } })
    expect((await batcher.errors(body.id)).map(({ row, code }) => [row, code])).toEqual(
      bad.map((row) => [row, 'executor_crashed']),
    )
    // two for each alone, and one for each micro-batch that has some
    expect(deaths.length).toBeGreaterThanOrEqual(40)
    expect(deaths.length).toBeLessThanOrEqual(60)
    expect(deaths.filter(({ restartInMs }) => restartInMs > 0)).toEqual([])
  },
)
