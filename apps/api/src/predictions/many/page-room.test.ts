import { StoredJson } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { predictionRecord, succeeded } from '../prediction-record.fixture.ts'
import { maxPageBytes, PageRoom } from './page-room.ts'

/** JSON of so many bytes. */
const long = (bytes: number) => 'x'.repeat(bytes - 2)
const stored = (bytes: number) => new StoredJson(bytes, async () => new Uint8Array())
const half = maxPageBytes / 2

test('predictions have room until they are a megabyte together, and none behind that', () => {
  const room = new PageRoom()
  // and two bytes of metadata each
  const inputs = [long(half), long(half - 4), long(half), 'short']

  const taken = inputs.map((input) => room.take(predictionRecord({ input })))

  expect(taken).toEqual([true, true, false, false])
  expect([room.taken, room.isFull]).toEqual([2, true])
})

test('the first has room however long it is, also where that is stored elsewhere', () => {
  const room = new PageRoom()
  const output = { ...succeeded, output: stored(100 * maxPageBytes) }

  expect(room.take(predictionRecord({ outcome: output }))).toBe(true)
  expect(room.isFull).toBe(false)
  expect(room.take(predictionRecord())).toBe(false)
})

const rowsError = {
  code: 'rows_failed' as const,
  detail: 'rows failed',
  rows: Array.from({ length: 1000 }, (_, row) => ({
    row,
    code: 'inference_failed' as const,
    detail: long(half / 1000),
  })),
}

test.each([
  { what: 'inputs', record: predictionRecord({ input: stored(half) }) },
  { what: 'outputs', record: predictionRecord({ outcome: { ...succeeded, output: long(half) } }) },
  {
    what: 'errors of rows',
    record: predictionRecord({ outcome: { ...succeeded, status: 'failed', output: null, error: rowsError } }),
  },
  { what: 'metadata', record: predictionRecord({ job: { metadata: { long: long(half) } } }) },
])('long $what count', ({ record }) => {
  const room = new PageRoom()

  expect([record, record, record].map((one) => room.take(one)).at(-1)).toBe(false)
})
