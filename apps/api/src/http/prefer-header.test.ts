import { expect, test } from 'vitest'
import { parsePreference } from './prefer-header.ts'

test.each([
  ['wait=10', 10_000, 'wait=10'],
  ['wait', 55_000, 'wait=55'],
  ['wait=3600', 55_000, 'wait=55'],
  ['wait=0', 0, 'wait=0'],
  ['wait=0.5', 500, 'wait=0.5'],
  ['wait="10"', 10_000, 'wait=10'],
  ['WAIT = 10', 10_000, 'wait=10'],
  ['respond-async, wait=10', 10_000, 'wait=10, respond-async'],
  ['wait=10; foo=bar, respond-async', 10_000, 'wait=10, respond-async'],
  ['respond-async', undefined, 'respond-async'],
  ['return=minimal', undefined, undefined],
  ['wait=soon', undefined, undefined],
  ['wait=-1', undefined, undefined],
  ['wait=1e3', undefined, undefined],
])('Prefer: %s', (header, waitMs, applied) => {
  expect(parsePreference(header, undefined)).toEqual({ waitMs, applied })
})

test('?wait is followed without a header, and without saying so', () => {
  expect(parsePreference(undefined, '10')).toEqual({ waitMs: 10_000, applied: undefined })
  expect(parsePreference(undefined, '100')).toEqual({ waitMs: 55_000, applied: undefined })
  expect(parsePreference(undefined, '')).toEqual({ waitMs: 55_000, applied: undefined })
  expect(parsePreference(undefined, undefined)).toEqual({ waitMs: undefined, applied: undefined })
})

test.each(['long', '10s', '-1', '1e3', '1.2345'])('?wait=%s is refused with what it takes', (query) => {
  const message = "the query can't be used: wait: takes seconds, such as 10"

  expect(() => parsePreference(undefined, query)).toThrow(message)
  expect(() => parsePreference('wait=1', query)).toThrow(message)
})

test('the header counts where both are given', () => {
  expect(parsePreference('wait=1', '10')).toEqual({ waitMs: 1000, applied: 'wait=1' })
  expect(parsePreference('respond-async', '10')).toEqual({ waitMs: 10_000, applied: 'respond-async' })
})
