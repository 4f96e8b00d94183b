import { expect, test } from 'vitest'
import { JsonText, outcomeText, parseOutcome } from '@onqueue/shared'
import type { RowOutcome } from '../serving/row-outcome.ts'
import type { RunReport } from '../serving/work.ts'
import { toOutcome } from './to-outcome.ts'

const timing = { startedAt: 1000, now: 1500, attempts: 2 }
const reportOf = (...results: RowOutcome[]) => ({ results, predictMs: 12, batchSize: 8 })
const setosa = { ok: true, output: new JsonText('"setosa"') } as const
const tooShort = { ok: false, code: 'invalid_input', detail: 'too short' } as const

/** What is stored of it, as others read it. */
const storedOf = (report: RunReport, isArray: boolean) =>
  parseOutcome(outcomeText(toOutcome(report, { isArray, ...timing })))

test('a row that ran is the output', () => {
  expect(storedOf(reportOf(setosa), false)).toEqual({
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
  expect(storedOf(reportOf(tooShort), false)).toMatchObject({
    status: 'failed',
    output: null,
    error: { code: 'invalid_input', detail: 'too short' },
  })
})

test('an array gives an array, of one row too', () => {
  const outcome = storedOf(reportOf(setosa), true)

  expect(outcome).toMatchObject({ status: 'succeeded', output: ['setosa'], error: null })
})

test('an array with a row that failed fails, and keeps the good rows', () => {
  const outcome = storedOf(reportOf(setosa, tooShort, setosa), true)

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
  const outcome = storedOf(reportOf({ ok: true, output: new JsonText('null') }), false)

  expect(outcome).toMatchObject({ status: 'succeeded', output: null })
})

test('an output is stored as it came, whatever JSON has of it', () => {
  const text = '{"z": 1.0, "a":[1e2,"\\u00e9"]}'
  const outcome = toOutcome(reportOf({ ok: true, output: new JsonText(text) }), { isArray: false, ...timing })

  expect(outcomeText(outcome)).toBe(
    `{"status":"succeeded","output":${text},"error":null,"startedAt":1000,"completedAt":1500,"predictMs":12,"batchSize":8,"attempts":2}`,
  )
})
