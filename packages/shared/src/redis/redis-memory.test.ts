import { expect, test } from 'vitest'
import { isMemoryShort, keptMs } from './redis-memory.ts'

test('memory is short above the watermark', () => {
  expect(isMemoryShort({ usedBytes: 700, limitBytes: 1000 }, 0.7)).toBe(false)
  expect(isMemoryShort({ usedBytes: 701, limitBytes: 1000 }, 0.7)).toBe(true)
})

test('memory without a limit is never short', () => {
  expect(isMemoryShort({ usedBytes: 10 ** 12, limitBytes: 0 }, 0.7)).toBe(false)
})

test('what is finished is kept for its retention, and for less when memory is short', () => {
  const kept = { retentionMs: 1000, minRetentionMs: 100 }

  expect(keptMs({ ...kept, memoryIsShort: false })).toBe(1000)
  expect(keptMs({ ...kept, memoryIsShort: true })).toBe(100)
  expect(keptMs({ retentionMs: 50, minRetentionMs: 100, memoryIsShort: true })).toBe(50)
})
