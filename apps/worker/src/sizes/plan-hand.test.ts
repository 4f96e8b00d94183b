import { assert, double, integer, property } from 'fast-check'
import { expect, test } from 'vitest'
import { planHand } from './plan-hand.ts'

test('rows of 1 ms: 200 ms in flight', () => {
  expect(planHand({ rowMs: 1, rowLimit: 64, instances: 1 })).toBe(200)
})

test('rows that take long run one by one, with the next one in flight', () => {
  expect(planHand({ rowMs: 3000, rowLimit: 1, instances: 1 })).toBe(2)
})

test('a worker with more executors holds more', () => {
  expect(planHand({ rowMs: 10, rowLimit: 10, instances: 4 })).toBe(80)
})

test('a model that takes next to no time leaves rows for other workers', () => {
  expect(planHand({ rowMs: 0.0001, rowLimit: 64, instances: 1 })).toBe(512)
})

test('a time too short to measure is no trouble', () => {
  expect(planHand({ rowMs: 0, rowLimit: 8, instances: 1 })).toBe(512)
})

test('what is in flight always keeps two micro-batches for each executor', () => {
  const anyRowMs = double({ min: 0, max: 60_000, noNaN: true })
  assert(
    property(
      anyRowMs,
      integer({ min: 1, max: 512 }),
      integer({ min: 1, max: 64 }),
      (rowMs, rowLimit, instances) => {
        expect(planHand({ rowMs, rowLimit, instances })).toBeGreaterThanOrEqual(2 * instances * rowLimit)
      },
    ),
  )
})
