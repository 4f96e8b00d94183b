import { expect, test } from 'vitest'
import { blockSeconds } from './block-seconds.ts'

test('empty queues are looked at every five seconds, and by a worker that has many of them up to every thirty', () => {
  expect([1, 20, 21, 100, 1000].map(blockSeconds)).toEqual([5, 5, 10, 25, 30])
})
