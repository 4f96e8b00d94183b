import { modelKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { modelEntry } from '../models/model-entry.fixture.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { readQueuePlace } from './read-queue-place.ts'

const namespace = `queue-place-test-${process.pid}`
const { queue, extraRows } = modelKeys(namespace, 'iris')
let redis: Redis

beforeEach(async () => {
  redis = new Redis(inject('redisUrl'))
  await redis.zadd(queue('prioritized'), 1, 'first', 2, 'second', 3, 'third')
})
afterEach(() => leaveRedis(redis, namespace))

/** Two rows a second, three seconds for a prediction alone. */
const worker = { workerId: 'w', at: 0, rowsPerSecond: 2, serviceMs: 3000, versions: [] }
const placeOf = (id: string, heartbeats = [worker]) =>
  readQueuePlace({ redis, namespace }, { id, model: 'iris', entry: modelEntry('iris', { heartbeats }) })

test('the first in line is done no sooner than a prediction alone', async () => {
  expect(await placeOf('first')).toEqual({ position: 1, etaSeconds: 3 })
})

test('what workers have in hand is before all that wait', async () => {
  await redis.lpush(queue('active'), ...Array.from({ length: 17 }, (_, index) => `taken-${index}`))

  expect(await placeOf('third')).toEqual({ position: 3, etaSeconds: 10 })
})

test('arrays count as their rows', async () => {
  // three predictions of five rows each, in the mean
  await redis.set(extraRows, 12)

  expect(await placeOf('third')).toEqual({ position: 3, etaSeconds: 8 })
})

test('while nothing drains nobody knows when', async () => {
  expect(await placeOf('second', [])).toEqual({ position: 2, etaSeconds: null })
})

test('one that is not in line has no place', async () => {
  expect(await placeOf('taken')).toBe(undefined)
})
