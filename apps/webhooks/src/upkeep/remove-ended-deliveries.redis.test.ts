import { deliveryKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { startTestRedis } from '../../../../scripts/redis/start-test-redis.ts'
import { removeEndedDeliveries } from './remove-ended-deliveries.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `remove-ended-deliveries-test-${process.pid}`
const keys = deliveryKeys(namespace)
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(() => leaveRedis(redis, namespace))

/** A failed delivery with a body of 7 bytes. */
const addFailed = async (id: string, { owner = 'alice', endedAt = 1000 } = {}) => {
  await redis.hset(keys.delivery(id), { about: JSON.stringify({ owner }), status: 'failed' })
  await redis.set(keys.body(id), 'frozen!')
  await redis.incrby(keys.bytes(owner), 7)
  await redis.zadd(keys.index(owner), 100, id)
  await redis.zadd(keys.failed, endedAt, id)
}

const remove = ({ before = 2000, maxAtOnce = 100 } = {}) =>
  removeEndedDeliveries.on(redis).run({
    keys: { ended: keys.failed },
    args: {
      before,
      maxAtOnce,
      deliveryStart: keys.delivery(''),
      bodyStart: keys.body(''),
      indexStart: keys.index(''),
      bytesStart: keys.bytes(''),
    },
  })

const idsIn = async (key: string) => await redis.zrange(key, '0', '-1')

test('one that ended before goes with all that belongs to it, and the bytes of its body are given back', async () => {
  await addFailed('old')
  await redis.incrby(keys.bytes('alice'), 3)

  expect(await remove()).toBe(1)

  expect(await redis.exists(keys.delivery('old'), keys.body('old'), keys.index('alice'), keys.failed)).toBe(0)
  expect(await redis.get(keys.bytes('alice'))).toBe('3')
})

test('one whose body is gone gives no bytes back', async () => {
  await addFailed('old')
  await redis.del(keys.body('old'))

  expect(await remove()).toBe(1)

  expect(await redis.exists(keys.delivery('old'))).toBe(0)
  expect(await redis.get(keys.bytes('alice'))).toBe('7')
})

test('those that ended later stay', async () => {
  await addFailed('old', { endedAt: 2000 })
  await addFailed('young', { endedAt: 2001 })

  expect(await remove({ before: 2000 })).toBe(1)

  expect(await idsIn(keys.failed)).toEqual(['young'])
  expect(await idsIn(keys.index('alice'))).toEqual(['young'])
  expect(await redis.get(keys.body('young'))).toBe('frozen!')
  expect(await redis.exists(keys.delivery('young'))).toBe(1)
  expect(await redis.get(keys.bytes('alice'))).toBe('7')
})

test('no more go at once than may, the oldest first', async () => {
  await addFailed('third', { endedAt: 1003 })
  await addFailed('first', { endedAt: 1001 })
  await addFailed('second', { endedAt: 1002 })

  expect(await remove({ maxAtOnce: 2 })).toBe(2)
  expect(await idsIn(keys.failed)).toEqual(['third'])
  expect(await remove({ maxAtOnce: 2 })).toBe(1)
})

test('each owner gets its own bytes back', async () => {
  await addFailed('a')
  await addFailed('b', { owner: 'bob' })
  await addFailed('b-young', { owner: 'bob', endedAt: 3000 })

  expect(await remove()).toBe(2)

  expect(await redis.mget(keys.bytes('alice'), keys.bytes('bob'))).toEqual(['0', '7'])
  expect(await idsIn(keys.index('bob'))).toEqual(['b-young'])
})

test('one whose record is gone leaves the list', async () => {
  await addFailed('broken')
  await redis.del(keys.delivery('broken'))

  expect(await remove()).toBe(1)

  expect(await redis.exists(keys.failed, keys.body('broken'))).toBe(0)
})

test('in a Redis that is full there is room again', async () => {
  const full = await startTestRedis()
  redis.disconnect()
  redis = new Redis(full.url)
  try {
    await addFailed('old')
    await redis.config('SET', 'maxmemory', '1')

    expect(await remove()).toBe(1)
  } finally {
    redis.disconnect()
    redis = new Redis(inject('redisUrl'))
    await full.close()
  }
})
