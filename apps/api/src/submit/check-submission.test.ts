import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { servedVersion } from '../models/model-entry.fixture.ts'
import { createSubmissionCheck } from './check-submission.ts'
import type { Submission } from './check-submission.ts'

const check = createSubmissionCheck({
  models: { resolve: () => servedVersion({ model: 'iris' }), check: () => [] },
  maxRows: 3,
  clock: () => 0,
})

const submissionOf = (input: Submission['input'], form: Submission['form'] = 'request'): Submission => ({
  model: 'iris',
  form,
  request: { priority: 'normal', metadata: {} },
  input,
  owner: 'ops',
  requestId: 'r1',
})

const rows = (count: number) => ({ value: Array.from({ length: count }, () => ({ n: 1 })) })
const longRows = (arrayLength: number | null) => ({
  text: new Uint8Array(Buffer.from(`[${'1,'.repeat(50_000)}1]`)),
  arrayLength,
  checked: null,
  fingerprint: null,
})

const refusalOf = (submission: Submission) => {
  try {
    check(submission)
  } catch (err) {
    if (err instanceof AppError) return err
    throw err
  }
  throw new Error('it was not refused')
}

test.each([
  ['short', rows(4)],
  ['long', longRows(4)],
])('a %s array of more rows than may ever wait is refused for good, with the limit', (_name, input) => {
  const refusal = refusalOf(submissionOf(input))

  const detail = 'an array of inputs has at most 3 rows here (ONQUEUE_BACKLOG_LIMIT); send fewer at once'
  expect(refusal).toMatchObject({ code: 'invalid_input', places: [{ pointer: '/input', detail }] })
  expect(refusal.message).toBe(`/input ${detail}`)
  expect(refusal.retryAfterSeconds).toBe(undefined)
})

test('where the body is the input the whole of it is pointed at', () => {
  expect(refusalOf(submissionOf(rows(4), 'input')).places).toMatchObject([{ pointer: '' }])
})

test.each([
  ['as many rows as may wait', rows(3), 3],
  ['as many rows of a long body', longRows(3), 3],
  ['a long input of one row', longRows(null), null],
])('%s are taken', (_name, input, arrayLength) => {
  expect(check(submissionOf(input)).job.arrayLength).toBe(arrayLength)
})

test('an input is as large as its bytes, whatever alphabet it is written in', () => {
  const bytesOf = (value: unknown) => check(submissionOf({ value })).job.inputBytes

  expect(bytesOf('abc')).toBe(5)
  expect(bytesOf('模型😀')).toBe(12)
})
