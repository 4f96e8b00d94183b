import { expect, test } from 'vitest'
import { readRange } from './byte-range.ts'

test.each([
  ['bytes=0-0', { start: 0, end: 1 }],
  ['bytes=0-9', { start: 0, end: 10 }],
  ['bytes=0-99', { start: 0, end: 10 }],
  ['bytes=9-', { start: 9, end: 10 }],
  ['bytes=-3', { start: 7, end: 10 }],
  ['bytes=-99', { start: 0, end: 10 }],
  ['Bytes=2-4', { start: 2, end: 5 }],
  ['bytes= 2-4 ', { start: 2, end: 5 }],
])('of ten bytes %s is %j', (header, range) => {
  expect(readRange(header, 10)).toEqual(range)
})

test.each([
  undefined,
  '',
  'bytes=',
  'bytes=-',
  'bytes=4-2',
  'bytes=0-1,4-5',
  'rows=0-1',
  'bytes=a-b',
  'bytes=1.5-2',
  'bytes=+1-2',
])('all is answered to %s', (header) => {
  expect(readRange(header, 10)).toBeUndefined()
})

test.each([
  ['bytes=10-', 10],
  ['bytes=10-11', 10],
  ['bytes=-0', 10],
  ['bytes=0-', 0],
  ['bytes=-5', 0],
])('%s of %i bytes is nothing', (header, bytes) => {
  expect(() => readRange(header, bytes)).toThrow(
    expect.objectContaining({
      code: 'range_not_satisfiable',
      headers: { 'Content-Range': `bytes */${bytes}` },
    }),
  )
})
