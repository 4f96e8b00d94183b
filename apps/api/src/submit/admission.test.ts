import { expect, test } from 'vitest'
import { secondsToDrain } from './admission.ts'

const workers = (...rates: number[]) => ({
  heartbeats: rates.map((rowsPerSecond, index) => ({
    workerId: String(index),
    at: 0,
    rowsPerSecond,
    versions: [],
  })),
})

test('the time to drain is what all workers together take, from 1 to 60 seconds', () => {
  expect(secondsToDrain(1000, workers(100, 150))).toBe(4)
  expect(secondsToDrain(0, workers(100))).toBe(1)
  expect(secondsToDrain(1001, workers(100))).toBe(11)
  expect(secondsToDrain(1_000_000, workers(100))).toBe(60)
})

test('without a known rate the time to drain is the longest, or what is asked for', () => {
  expect(secondsToDrain(10, workers())).toBe(60)
  expect(secondsToDrain(10, workers(0))).toBe(60)
  expect(secondsToDrain(10, workers(0), { ifUnknown: 2 })).toBe(2)
})
