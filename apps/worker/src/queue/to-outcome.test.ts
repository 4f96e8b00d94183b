import { expect, test } from 'vitest'
import { outcomeSchema } from '@onqueue/shared'
import type { RowOutcome } from '../serving/row-outcome.ts'
import { toOutcome } from './to-outcome.ts'

const timing = { startedAt: 1000, now: 1500, attempts: 2 }
const reportOf = (...results: RowOutcome[]) => ({ results, predictMs: 12, batchSize: 8 })
const setosa = { ok: true, output: 'setosa' } as const
const tooShort = { ok: false, code: 'invalid_input', detail: 'too short' } as const

test('a row that ran is the output', () => {
  expect(toOutcome(reportOf(setosa), { isArray: false, ...timing })).toEqual({
    status: 'succeeded',
    output: 'setosa',
    error: null,
    startedAt: 1000,
    completedAt: 1500,
    predictMs: 12,
    batchSize: 8,
    attempts: 2,
  })
})

test('a row that failed is the error', () => {
  expect(toOutcome(reportOf(tooShort), { isArray: false, ...timing })).toMatchObject({
    status: 'failed',
    output: null,
    error: { code: 'invalid_input', detail: 'too short' },
  })
})

test('an array gives an array, of one row too', () => {
  const outcome = toOutcome(reportOf(setosa), { isArray: true, ...timing })

  expect(outcome).toMatchObject({ status: 'succeeded', output: ['setosa'], error: null })
})

test('an array with a row that failed fails, and keeps the good rows', () => {
  const outcome = toOutcome(reportOf(setosa, tooShort, setosa), { isArray: true, ...timing })

  expect(outcome).toMatchObject({
    status: 'failed',
    output: ['setosa', null, 'setosa'],
    error: {
      code: 'rows_failed',
      detail: '1 of 3 rows failed; "rows" says which and why',
      rows: [{ row: 1, code: 'invalid_input', detail: 'too short' }],
    },
  })
})

test('a row whose output is null succeeded', () => {
  const outcome = toOutcome(reportOf({ ok: true, output: null }), { isArray: false, ...timing })

  expect(outcome).toMatchObject({ status: 'succeeded', output: null })
})

test.each([
  ['with an output', reportOf(setosa), false],
  ['with rows that failed', reportOf(setosa, tooShort), true],
  ['of a model that returned nothing', reportOf({ ok: true, output: undefined }), false],
])('an outcome %s survives its way through Redis', (_, report, isArray) => {
  const outcome = toOutcome(report, { isArray, ...timing })

  expect(outcomeSchema.parse(JSON.parse(JSON.stringify(outcome)))).toEqual(outcome)
})
