import { deliveryKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { startTestRedis } from '../../../../scripts/redis/start-test-redis.ts'
import { settleDelivery } from './settle-delivery.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `settle-delivery-test-${process.pid}`
const keys = deliveryKeys(namespace)
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(() => leaveRedis(redis, namespace))

const endpoint = 'alice https://a.example'
const [delivery, body, schedule, state] = [
  keys.delivery('wh-1'),
  keys.body('wh-1'),
  keys.schedule(endpoint),
  keys.endpoint(endpoint),
]

/** A delivery of 7 bytes that is leased until 5000, of an owner with 10 bytes. */
const addLeased = async () => {
  await redis.hset(delivery, { status: 'pending', attempts: '[]', tries: 0, nextAt: 100 })
  await redis.set(body, 'frozen!')
  await redis.set(keys.bytes('alice'), 10)
  await redis.zadd(schedule, 5000, 'wh-1')
  await redis.zadd(keys.endpoints, 5000, endpoint)
}

/** At 2000, after an attempt under the lease until 5000. */
const settle = (verdict: 'delivered' | 'failed' | 'retry', { leaseUntil = 5000, now = 2000 } = {}) =>
  settleDelivery.on(redis).run({
    keys: {
      delivery,
      body,
      schedule,
      endpoints: keys.endpoints,
      state,
      delivered: keys.delivered,
      failed: keys.failed,
      bytes: keys.bytes('alice'),
    },
    args: {
      id: 'wh-1',
      endpoint,
      leaseUntil,
      now,
      verdict,
      retryAt: verdict === 'retry' ? 3000 : '',
      attempts: '["one"]',
      tries: 1,
    },
  })

const read = async (key: string) => await redis.zrange(key, '0', '-1', 'WITHSCORES')

test('one to be retried is due at its time, with its body', async () => {
  await addLeased()

  const settled = await settle('retry')

  expect(settled).toEqual({ isNoted: true, failingSince: 2000, failures: 1 })
  expect(await redis.hgetall(delivery)).toEqual({
    status: 'pending',
    attempts: '["one"]',
    tries: '1',
    nextAt: '3000',
  })
  expect(await read(schedule)).toEqual(['wh-1', '3000'])
  expect(await read(keys.endpoints)).toEqual([endpoint, '3000'])
  expect(await redis.get(body)).toBe('frozen!')
  expect(await redis.get(keys.bytes('alice'))).toBe('10')
})

test('one that was delivered has ended, and gives the bytes of its body back', async () => {
  await addLeased()

  const settled = await settle('delivered')

  expect(settled).toEqual({ isNoted: true, failingSince: null, failures: 0 })
  expect(await redis.hgetall(delivery)).toEqual({
    status: 'delivered',
    attempts: '["one"]',
    tries: '1',
    endedAt: '2000',
  })
  expect(await read(keys.delivered)).toEqual(['wh-1', '2000'])
  expect(await redis.exists(schedule, keys.endpoints, keys.failed, body)).toBe(0)
  expect(await redis.get(keys.bytes('alice'))).toBe('3')
})

test('one that failed for good has ended, and keeps its body', async () => {
  await addLeased()

  const settled = await settle('failed')

  expect(settled).toEqual({ isNoted: true, failingSince: 2000, failures: 1 })
  expect(await redis.hgetall(delivery)).toMatchObject({ status: 'failed', endedAt: '2000' })
  expect(await redis.hexists(delivery, 'nextAt')).toBe(0)
  expect(await read(keys.failed)).toEqual(['wh-1', '2000'])
  expect(await redis.exists(schedule, keys.endpoints, keys.delivered)).toBe(0)
  expect(await redis.get(body)).toBe('frozen!')
  expect(await redis.get(keys.bytes('alice'))).toBe('10')
})

test('an endpoint fails since its first failure after a success', async () => {
  await addLeased()

  const first = await settle('retry', { now: 2000 })
  const second = await settle('retry', { now: 2500, leaseUntil: 3000 })
  const third = await settle('delivered', { now: 2600, leaseUntil: 3000 })

  expect(first).toEqual({ isNoted: true, failingSince: 2000, failures: 1 })
  expect(second).toEqual({ isNoted: true, failingSince: 2000, failures: 2 })
  expect(third).toEqual({ isNoted: true, failingSince: null, failures: 0 })
  expect(await redis.exists(state)).toBe(0)
})

test.each(['retry', 'failed'] as const)(
  'a failure (%s) is not noted where another process holds the lease',
  async (verdict) => {
    await addLeased()
    await redis.zadd(schedule, 9000, 'wh-1')
    await redis.hset(state, { failingSince: 300, failures: 4 })

    const settled = await settle(verdict)

    expect(settled).toEqual({ isNoted: false, failingSince: 300, failures: 4 })
    expect(await redis.hgetall(delivery)).toMatchObject({ status: 'pending', attempts: '[]', nextAt: '100' })
    expect(await read(schedule)).toEqual(['wh-1', '9000'])
    expect(await redis.exists(keys.failed)).toBe(0)
  },
)

test('a failure is not noted where the delivery is in nobody’s schedule any more', async () => {
  await addLeased()
  await redis.zrem(schedule, 'wh-1')

  const settled = await settle('retry')

  expect(settled).toEqual({ isNoted: false, failingSince: null, failures: 0 })
  expect(await redis.exists(schedule)).toBe(0)
})

test('that it was delivered counts without the lease, and takes it from who holds it', async () => {
  await addLeased()
  await redis.zadd(schedule, 9000, 'wh-1')

  const settled = await settle('delivered')

  expect(settled.isNoted).toBe(true)
  expect(await redis.hget(delivery, 'status')).toBe('delivered')
  expect(await redis.exists(schedule)).toBe(0)
})

test('that it was delivered counts after it failed', async () => {
  await addLeased()
  await settle('failed')

  const settled = await settle('delivered', { now: 2100 })

  expect(settled).toEqual({ isNoted: true, failingSince: null, failures: 0 })
  expect(await redis.hgetall(delivery)).toMatchObject({ status: 'delivered', endedAt: '2100' })
  expect(await redis.exists(keys.failed)).toBe(0)
  expect(await read(keys.delivered)).toEqual(['wh-1', '2100'])
})

test('that it was delivered twice is noted once', async () => {
  await addLeased()
  await settle('delivered')

  const settled = await settle('delivered', { now: 2100 })

  expect(settled).toEqual({ isNoted: false, failingSince: null, failures: 0 })
  expect(await read(keys.delivered)).toEqual(['wh-1', '2000'])
  expect(await redis.get(keys.bytes('alice'))).toBe('3')
})

test.each(['delivered', 'failed', 'retry'] as const)(
  'nothing is noted (%s) of one that its owner has removed',
  async (verdict) => {
    await addLeased()
    await redis.del(delivery)

    const settled = await settle(verdict)

    expect(settled).toEqual({ isNoted: false, failingSince: null, failures: 0 })
    expect(await redis.exists(delivery, keys.delivered, keys.failed, state)).toBe(0)
  },
)

test('its endpoint is looked at when the next of its deliveries is due', async () => {
  await addLeased()
  await redis.zadd(schedule, 700, 'wh-2')

  await settle('delivered')

  expect(await read(keys.endpoints)).toEqual([endpoint, '700'])
})

test('a paused endpoint does not come back on the list', async () => {
  await addLeased()
  await redis.hset(state, 'pausedAt', 1900)

  const settled = await settle('retry')

  expect(settled.isNoted).toBe(true)
  expect(await read(schedule)).toEqual(['wh-1', '3000'])
  expect(await redis.exists(keys.endpoints)).toBe(0)
})

test('in a Redis that is full attempts are noted too', async () => {
  const full = await startTestRedis()
  redis.disconnect()
  redis = new Redis(full.url)
  try {
    await addLeased()
    await redis.config('SET', 'maxmemory', '1')

    expect(await settle('delivered')).toMatchObject({ isNoted: true })
  } finally {
    redis.disconnect()
    redis = new Redis(inject('redisUrl'))
    await full.close()
  }
})
