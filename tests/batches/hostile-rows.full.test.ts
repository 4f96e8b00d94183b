import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createBatcher, parseLines } from './batcher.ts'
import type { Batcher } from './batcher.ts'

let stack: Stack
let batcher: Batcher

beforeAll(async () => {
  stack = await startStack({
    models: [testModel('crashes'), testModel('slow')],
    environment: { ONQUEUE_BATCH_EXECUTORS: '1' },
  })
  batcher = createBatcher(stack.url)
})
afterAll(() => stack.close())

const score = async (model: string, inputs: object[], timeoutMs = 60_000) => {
  const { body } = await batcher.submit(model, inputs.map((input) => `${JSON.stringify(input)}\n`).join(''))
  const batch = await batcher.untilEnded(body.id, { timeoutMs })
  return { batch, rows: parseLines(await batcher.output(body.id)), errors: await batcher.errors(body.id) }
}

/** What was said of each end of a batch executor so far. */
const deaths = () =>
  (stack.workers[0]?.log() ?? '')
    .split('\n')
    .filter((line) => line.includes('batch executor died'))
    .map((line) => JSON.parse(line))

/** So many rows that are their numbers, but for some. */
const numbered = (count: number, bad: Map<number, number>) =>
  Array.from({ length: count }, (_, row) => bad.get(row) ?? row % 100)

test.skipIf(process.arch !== 'x64')(
  'a row that ends its executor fails alone, at the third time',
  async () => {
    const before = deaths().length
    const values = numbered(600, new Map([[333, 999]]))

    const { batch, rows, errors } = await score(
      'crashes',
      values.map((i) => ({ i })),
    )

    expect(batch).toMatchObject({ status: 'completed', counts: { total: 600, completed: 599, failed: 1 } })
    expect(errors).toMatchObject([{ row: 333, line: 334, code: 'executor_crashed', input: '{"i":999}' }])
    expect(rows).toEqual(
      values.map((y, row) => (row === 333 ? { row, y: null, error_code: 'executor_crashed' } : { row, y })),
    )
    expect(deaths()).toHaveLength(before + 3)
  },
)

test('a row that runs for ever fails alone, at the third time', { timeout: 120_000 }, async () => {
  const before = deaths().length
  const values = numbered(300, new Map([[123, 1_000_000]])).map((value) => (value < 100 ? 0 : value))

  const { batch, rows, errors } = await score(
    'slow',
    values.map((n) => ({ n: [n] })),
  )

  expect(batch).toMatchObject({ status: 'completed', counts: { total: 300, completed: 299, failed: 1 } })
  expect(errors).toMatchObject([{ row: 123, line: 124, code: 'timed_out', input: '{"n":[1000000]}' }])
  expect(rows).toEqual(
    values.map((y, row) => (row === 123 ? { row, y: null, error_code: 'timed_out' } : { row, y })),
  )
  expect(deaths()).toHaveLength(before + 3)
})

test.skipIf(process.arch !== 'x64')(
  'eight rows that end their executors fail alone, and no restart waits for the ones before',
  { timeout: 120_000 },
  async () => {
    const before = deaths().length
    const bad = Array.from({ length: 8 }, (_, index) => 100 + 300 * index)
    const lines = Array.from({ length: 2400 }, (_, row) => `{"i":${bad.includes(row) ? 999 : row % 100}}\n`)

    const { body } = await batcher.submit('crashes', lines.join(''))
    const batch = await batcher.untilEnded(body.id, { timeoutMs: 110_000 })

    const ends = deaths().slice(before)
    expect(batch).toMatchObject({ status: 'completed', counts: { total: 2400, completed: 2392, failed: 8 } })
    expect((await batcher.errors(body.id)).map(({ row, code }) => [row, code])).toEqual(
      bad.map((row) => [row, 'executor_crashed']),
    )
    // two for each alone, and one for each micro-batch that has some
    expect(ends.length).toBeGreaterThanOrEqual(16)
    expect(ends.length).toBeLessThanOrEqual(24)
    expect(ends.filter(({ restartInMs }) => restartInMs > 0)).toEqual([])
  },
)
