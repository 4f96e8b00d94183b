import { expect, test } from 'vitest'
import { Floor } from './floor.ts'

test('where one starves those that come are started at nice 10, for ten minutes', () => {
  let now = 0
  const floor = new Floor({ now: () => now })
  const before = floor.priority()

  floor.starved()
  const after = floor.priority()
  now = 10 * 60_000
  const later = floor.priority()

  expect([before, after, later]).toEqual(['idle', 'low', 'idle'])
})
