import { expect, test } from 'vitest'
import { quarterOfMemory } from './redis-settings.ts'

const gib = 1024 ** 3

test('Redis gets a quarter of the machine, or of what the cgroup allows', () => {
  expect(quarterOfMemory({ totalBytes: 16 * gib, allowedBytes: 2 * gib })).toBe(gib / 2)
  expect(quarterOfMemory({ totalBytes: 16 * gib, allowedBytes: 0 })).toBe(4 * gib)
  // a cgroup without a limit
  expect(quarterOfMemory({ totalBytes: 16 * gib, allowedBytes: 2 ** 64 })).toBe(4 * gib)
})
