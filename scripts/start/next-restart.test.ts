import { expect, test } from 'vitest'
import { nextRestart } from './next-restart.ts'

test('the wait doubles with every failure, up to ten seconds', () => {
  const delays: number[] = []
  for (let failures = 0; failures < 8;) {
    const next = nextRestart({ failures, uptimeMs: 100 })
    delays.push(next.delayMs)
    failures = next.failures
  }

  expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
})

test('a minute of health starts the waits over', () => {
  expect(nextRestart({ failures: 6, uptimeMs: 60_000 })).toEqual({ failures: 1, delayMs: 250 })
  expect(nextRestart({ failures: 6, uptimeMs: 59_999 })).toEqual({ failures: 7, delayMs: 10_000 })
})
