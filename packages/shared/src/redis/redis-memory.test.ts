import { expect, test } from 'vitest'
import { isMemoryShort } from './redis-memory.ts'

test('memory is short above the watermark', () => {
  expect(isMemoryShort({ usedBytes: 700, limitBytes: 1000 }, 0.7)).toBe(false)
  expect(isMemoryShort({ usedBytes: 701, limitBytes: 1000 }, 0.7)).toBe(true)
})

test('memory without a limit is never short', () => {
  expect(isMemoryShort({ usedBytes: 10 ** 12, limitBytes: 0 }, 0.7)).toBe(false)
})
