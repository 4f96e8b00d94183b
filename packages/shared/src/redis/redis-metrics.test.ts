import { expect, test } from 'vitest'
import { clockOffset, redisRefusals } from './redis-metrics.ts'

test('what Redis refused is taken over at a scrape, and not added to that of the scrape before', () => {
  const shown = new Map<string, number>()
  const counter = {
    reset: () => shown.clear(),
    inc: ({ code }: { code: string }, count: number) => shown.set(code, (shown.get(code) ?? 0) + count),
  }
  let refused = [{ code: 'READONLY', count: 2 }]
  const refusals = redisRefusals(() => refused)

  refusals.collect.call(counter)
  refused = [
    { code: 'READONLY', count: 3 },
    { code: 'MISCONF', count: 1 },
  ]
  refusals.collect.call(counter)

  expect(Object.fromEntries(shown)).toEqual({ READONLY: 3, MISCONF: 1 })
})

test('how far the clock is ahead is told in seconds', () => {
  const set: number[] = []

  clockOffset(() => 1500).collect.call({ set: (seconds) => set.push(seconds) })

  expect(set).toEqual([1.5])
})
