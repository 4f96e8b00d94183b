import { expect, test } from 'vitest'
import { quarterOfMemory } from './redis-settings.ts'

const GIB = 1024 ** 3

test('Redis gets a quarter of the machine, or of what the cgroup allows', () => {
  expect(quarterOfMemory({ totalBytes: 16 * GIB, allowedBytes: 2 * GIB })).toBe(GIB / 2)
  expect(quarterOfMemory({ totalBytes: 16 * GIB, allowedBytes: 0 })).toBe(4 * GIB)
  // A cgroup without a limit
  expect(quarterOfMemory({ totalBytes: 16 * GIB, allowedBytes: 2 ** 64 })).toBe(4 * GIB)
})
