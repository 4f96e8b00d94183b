import { expect, test } from 'vitest'
import { boundsAfter } from './clock-bounds.ts'

const hourMs = 3_600_000

test('a reading is as exact as it was quick', () => {
  const quick = boundsAfter(undefined, { sentAt: 100, answeredAt: 101, redisMs: 5000 })
  const slow = boundsAfter(undefined, { sentAt: 100, answeredAt: 3100, redisMs: 5000 })

  expect(quick).toEqual({ leastMs: 4899, mostMs: 4900, at: 101 })
  expect(slow).toEqual({ leastMs: 1900, mostMs: 4900, at: 3100 })
})

test('a slow reading that does not contradict a quick one changes little', () => {
  const quick = boundsAfter(undefined, { sentAt: 0, answeredAt: 1, redisMs: 5000 })

  const after = boundsAfter(quick, { sentAt: 1001, answeredAt: 2001, redisMs: 6100 })

  expect(after).toEqual({ leastMs: 4998, mostMs: 5001, at: 2001 })
})

test('a quicker reading makes it more exact', () => {
  const slow = boundsAfter(undefined, { sentAt: 0, answeredAt: 800, redisMs: 5400 })

  const after = boundsAfter(slow, { sentAt: 1000, answeredAt: 1001, redisMs: 6000.5 })

  expect(after).toEqual({ leastMs: 4999.5, mostMs: 5000.5, at: 1001 })
})

test('a clock that was set is followed at once, in either direction', () => {
  const before = boundsAfter(undefined, { sentAt: 0, answeredAt: 1, redisMs: 5000 })

  const ahead = boundsAfter(before, { sentAt: 1000, answeredAt: 1002, redisMs: 6001 + hourMs })
  const back = boundsAfter(ahead, { sentAt: 2000, answeredAt: 2002, redisMs: 7001 })

  expect(ahead).toEqual({ leastMs: 4999 + hourMs, mostMs: 5001 + hourMs, at: 1002 })
  expect(back).toEqual({ leastMs: 4999, mostMs: 5001, at: 2002 })
})

test('a slow reading of a clock that was set by more than it took is followed, too', () => {
  const before = boundsAfter(undefined, { sentAt: 0, answeredAt: 1, redisMs: 5000 })

  const after = boundsAfter(before, { sentAt: 1000, answeredAt: 3000, redisMs: 6500 + hourMs })

  expect(after).toEqual({ leastMs: 3500 + hourMs, mostMs: 5500 + hourMs, at: 3000 })
})

test('two clocks that drift apart are taken for the same clocks', () => {
  let bounds = boundsAfter(undefined, { sentAt: 0, answeredAt: 1, redisMs: 5000 })

  for (let at = 2000; at <= 20_000; at += 2000)
    bounds = boundsAfter(bounds, { sentAt: at, answeredAt: at + 100, redisMs: 5000 + at * 1.0003 })

  expect(bounds.mostMs).toBeGreaterThan(5005.9)
  expect(bounds.leastMs).toBeLessThanOrEqual(5006)
  expect(bounds.mostMs - bounds.leastMs).toBeLessThan(105)
})
