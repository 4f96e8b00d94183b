import { expect, test } from 'vitest'
import { findTimeFault } from './find-time-fault.ts'

const prediction = {
  id: 'echo-1',
  status: 'succeeded',
  error: null,
  metadata: {},
  created_at: '2026-01-01T12:00:00.000Z',
  started_at: '2026-01-01T12:00:01.000Z',
  completed_at: '2026-01-01T12:00:02.000Z',
  webhook: null,
}
const entry = {
  tries: [
    { at: Date.parse('2026-01-01T11:59:59.990Z'), answer: { kind: 'accepted' as const, id: 'echo-1' } },
  ],
}

test('times in order, from when it was sent on, are right, also where it never started', () => {
  expect(findTimeFault(prediction, entry)).toBeUndefined()
  expect(findTimeFault({ ...prediction, started_at: null }, entry)).toBeUndefined()
})

test.each([
  ['was made after it started', { created_at: '2026-01-01T12:00:01.500Z' }],
  ['ended before it started', { completed_at: '2026-01-01T12:00:00.500Z' }],
])('one that %s has its times out of order', (_, times) => {
  expect(findTimeFault({ ...prediction, ...times }, entry)).toContain('out of order')
})

test.each([
  ['was made a day before it was sent', { created_at: '2025-12-31T12:00:00.000Z' }],
  ['ended a day later', { completed_at: '2026-01-02T14:00:00.000Z' }],
])('one that %s has a wrong time', (_, times) => {
  expect(findTimeFault({ ...prediction, ...times }, entry)).toContain('was sent at 2026-01-01T11:59:59.990Z')
})
