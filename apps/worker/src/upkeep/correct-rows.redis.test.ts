import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { modelKeys } from '@onqueue/shared'
import { createRowCorrection } from './correct-rows.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `correct-rows-test-${process.pid}`
const keys = modelKeys(namespace, 'iris')
let redis: Redis

beforeEach(async () => {
  redis = new Redis(inject('redisUrl'))
  await redis.set(keys.extraRows, 7)
})
afterEach(() => leaveRedis(redis, namespace))

const correct = () => createRowCorrection({ redis, namespace })('iris')

test('the rows of an empty queue are forgotten', async () => {
  await correct()

  expect(await redis.exists(keys.extraRows)).toBe(0)
})

test.each(['wait', 'active'])('the rows of a queue that has a prediction in %s count', async (part) => {
  await redis.lpush(keys.queue(part), 'a')

  await correct()

  expect(await redis.get(keys.extraRows)).toBe('7')
})

test.each(['delayed', 'prioritized'])(
  'the rows of a queue that has a prediction in %s count',
  async (part) => {
    await redis.zadd(keys.queue(part), 1, 'a')

    await correct()

    expect(await redis.get(keys.extraRows)).toBe('7')
  },
)

test('predictions that are finished have no rows', async () => {
  await redis.zadd(keys.queue('completed'), 1, 'a')

  await correct()

  expect(await redis.exists(keys.extraRows)).toBe(0)
})
