import { modelKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { startTestRedis } from '../../../../scripts/redis/start-test-redis.ts'
import { createUndeliveredEntries } from './undelivered-entries.ts'

const namespace = `undelivered-entries-test-${process.pid}`
const { undelivered } = modelKeys(namespace, 'iris')
let redis: Redis
let now = 1000

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  now = 1000
})
afterEach(async () => {
  await redis.del(undelivered)
  redis.disconnect()
})

const open = ({ random = () => 1 }: { random?: () => number } = {}) =>
  createUndeliveredEntries({ redis, namespace, clock: () => now, random })
const left = async () => await redis.zrange(undelivered, '0', '-1', 'WITHSCORES')

test('entries that are due are taken, the oldest first, and are due again after ten seconds', async () => {
  const entries = open()
  await redis.zadd(undelivered, 900, 'iris-2', 800, 'iris-1:start', 1001, 'iris-3')

  const taken = await entries.takeDue('iris', 9)
  now = 10_999
  const takenMeanwhile = await entries.takeDue('iris', 9)
  now = 11_000
  const takenAgain = await entries.takeDue('iris', 9)

  expect(taken).toEqual(['iris-1:start', 'iris-2'])
  expect(takenMeanwhile).toEqual(['iris-3'])
  expect(takenAgain).toEqual(['iris-1:start', 'iris-2'])
})

test('no more are taken at once than may', async () => {
  const entries = open()
  await redis.zadd(undelivered, 1, 'iris-1', 2, 'iris-2', 3, 'iris-3')

  expect(await entries.takeDue('iris', 2)).toEqual(['iris-1', 'iris-2'])
  expect(await entries.takeDue('iris', 2)).toEqual(['iris-3'])
})

test('an entry that is dropped is gone, the others about its prediction stay', async () => {
  const entries = open()
  await redis.zadd(undelivered, 1, 'iris-1', 2, 'iris-1:start')

  await entries.drop('iris', 'iris-1')

  expect(await left()).toEqual(['iris-1:start', '2'])
})

test('a prediction that is held is looked at again within the hour, and not with all others', async () => {
  await open({ random: () => 0 }).hold('iris', 'iris-1')
  await open({ random: () => 1 }).hold('iris', 'iris-2')

  expect(await left()).toEqual(['iris-1:held', '1801000', 'iris-2:held', '3601000'])
})

test('in a Redis that is full entries are taken and held too', async () => {
  const full = await startTestRedis()
  redis.disconnect()
  redis = new Redis(full.url)
  try {
    const entries = open()
    await redis.zadd(undelivered, 1, 'iris-1')
    await redis.config('SET', 'maxmemory', '1')

    await entries.hold('iris', 'iris-1')

    expect(await entries.takeDue('iris', 9)).toEqual(['iris-1'])
    expect(await left()).toEqual(['iris-1', '11000', 'iris-1:held', '3601000'])
  } finally {
    redis.disconnect()
    redis = new Redis(inject('redisUrl'))
    await full.close()
  }
})
