import { expect, test } from 'vitest'
import { isUnhealthy, restartDelayMs } from './restart-delay.ts'

test.each([
  [1, 0],
  [2, 0],
  [3, 0],
  [4, 250],
  [5, 500],
  [8, 4000],
  [10, 16_000],
  [11, 30_000],
  [5000, 30_000],
])('after %d deaths in a minute an executor is started again in %d ms', (deaths, delayMs) => {
  expect(restartDelayMs({ deaths, convictions: 0 })).toBe(delayMs)
})

test('one row that ends its executor three times does not slow the restarts down', () => {
  expect(restartDelayMs({ deaths: 3, convictions: 1 })).toBe(0)
})

test('four rows that crashed are bad luck, five are an unhealthy version', () => {
  expect(isUnhealthy(4)).toBe(false)
  expect(isUnhealthy(5)).toBe(true)
})

test('an unhealthy version rests for 10 s at least', () => {
  expect(restartDelayMs({ deaths: 5, convictions: 5 })).toBe(10_000)
  expect(restartDelayMs({ deaths: 15, convictions: 5 })).toBe(30_000)
})
