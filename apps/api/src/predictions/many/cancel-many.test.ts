import { AppError, endedOutcome } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { predictionRecord, succeeded } from '../prediction-record.fixture.ts'
import type { FoundPrediction } from '../read-prediction.ts'
import { createCancelMany } from './cancel-many.ts'

const ids = (count: number) => Array.from({ length: count }, (_, index) => `iris-${index}`)
const canceled = endedOutcome('canceled', { code: 'canceled', detail: 'not wanted', now: 1 })

/** Predictions as they are found; those that wait are canceled, unless they are the one that can't be. */
const open = ({
  find = (id: string): FoundPrediction => predictionRecord({ id, input: 'in' }),
  fails = '',
  maxLongBytes = Infinity,
} = {}) => {
  const touched: string[] = []
  let underWay = 0
  let most = 0
  const cancel = createCancelMany({
    reader: { readEach: async (asked) => asked.map(find) },
    cancel: async (record) => {
      most = Math.max(most, ++underWay)
      await new Promise((resolve) => setImmediate(resolve))
      underWay--
      touched.push(record.id)
      if (record.id === fails) throw new Error('Connection is closed.')
      return { ...record, outcome: record.outcome ?? canceled }
    },
  })
  let longBytes = 0
  const onLong = (bytes: number) => {
    longBytes += bytes
    if (longBytes > maxLongBytes) throw new AppError('server_busy', 'too many bytes')
  }
  const cancelMany = (asked: string[]) => cancel(asked, { owner: 'alice', onLong })
  return { cancelMany, touched, mostAtOnce: () => most, longBytes: () => longBytes }
}

test('those that are there are canceled, in order and a few at a time', async () => {
  const gone = new AppError('prediction_not_found', 'no such prediction')
  const { cancelMany, mostAtOnce } = open({
    find: (id) => (id === 'iris-7' ? gone : predictionRecord({ id, input: 'in', job: { input: 'in' } })),
  })

  const found = await cancelMany(ids(100))

  expect(found).toHaveLength(100)
  expect(found[7]).toBe(gone)
  expect(found[99]).toMatchObject({ id: 'iris-99', input: null, outcome: { status: 'canceled' } })
  expect(found[99]).not.toHaveProperty('job.input')
  expect(mostAtOnce()).toBe(20)
})

test('what is long of them is told while they are canceled, and may be too much', async () => {
  const find = (id: string) => predictionRecord({ id, job: { metadata: { note: 'x'.repeat(500) } } })
  const some = open({ find })
  const tooMany = open({ find, maxLongBytes: 100_000 })

  await some.cancelMany(ids(100))
  await expect(tooMany.cancelMany(ids(1000))).rejects.toMatchObject({ code: 'server_busy' })

  expect(some.longBytes()).toBeGreaterThan(50_000)
  expect(some.longBytes()).toBeLessThan(80_000)
  expect(tooMany.touched).toHaveLength(200)
})

test('where Redis fails nothing is touched behind that, and the error is told', async () => {
  const { cancelMany, touched } = open({ fails: 'iris-30' })

  await expect(cancelMany(ids(1000))).rejects.toThrow('Connection is closed.')

  await expect.poll(() => touched.length).toBe(40)
})

test('errors of rows are left out where there are too many of them', async () => {
  const rows = Array.from({ length: 1000 }, (_, row) => ({
    row,
    code: 'inference_failed' as const,
    detail: 'x'.repeat(450),
  }))
  const error = { code: 'rows_failed' as const, detail: 'rows failed', rows }
  const { cancelMany } = open({
    find: (id) => predictionRecord({ id, outcome: { ...succeeded, status: 'failed', error } }),
  })

  const found = await cancelMany(ids(4))

  expect(found[1]).toMatchObject({ outcome: { error } })
  expect(found[2]).toMatchObject({ outcome: { error: { code: 'rows_failed', detail: 'rows failed' } } })
  expect(found[2]).not.toHaveProperty('outcome.error.rows')
  expect(found[3]).not.toHaveProperty('outcome.error.rows')
})
