import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import type { DeliveryAbout } from '../contract/delivery.ts'
import { createDeliveryStore } from './delivery-store.ts'
import { deliveryKeys, modelKeys } from '../redis/names.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `delivery-store-test-${process.pid}`
const keys = deliveryKeys(namespace)
let redis: Redis
let now = 1000

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  now = 1000
})
afterEach(() => leaveRedis(redis, namespace))

const about: DeliveryAbout = {
  owner: 'alice',
  predictionId: null,
  event: 'webhook.test',
  url: 'https://receiver.example/hook',
  createdAt: 900,
  holdsPrediction: false,
}
const endpoint = 'alice https://receiver.example'
const open = () => createDeliveryStore({ redis, namespace, clock: () => now })
/** As the webhooks process leaves it when its last attempt is over. */
const endAs = async (id: string, status: 'delivered' | 'failed') => {
  await redis.hset(keys.delivery(id), 'status', status, 'endedAt', 1500, 'tries', 3)
  await redis.hdel(keys.delivery(id), 'nextAt')
  await redis.zrem(keys.schedule(endpoint), id)
  await redis.zadd(keys[status], 1500, id)
  if (status === 'delivered') {
    await redis.decrby(keys.bytes('alice'), await redis.strlen(keys.body(id)))
    await redis.del(keys.body(id))
  }
}

test('a delivery is due when it is created, and creating it again changes nothing', async () => {
  const store = open()

  const isNew = await store.create('wh-1', about, '{"é":1}')
  now = 2000
  const isNewAgain = await store.create('wh-1', { ...about, createdAt: 1900 }, 'other')

  expect([isNew, isNewAgain]).toEqual([true, false])
  expect(await store.read('wh-1')).toEqual({
    id: 'wh-1',
    ...about,
    status: 'pending',
    attempts: [],
    tries: 0,
    nextAt: 1000,
    endedAt: null,
  })
  expect(await redis.get(keys.body('wh-1'))).toBe('{"é":1}')
  expect(await store.frozenBytes('alice')).toBe(8)
  expect(await redis.zrange(keys.schedule(endpoint), '0', '-1', 'WITHSCORES')).toEqual(['wh-1', '1000'])
  expect(await redis.zrange(keys.endpoints, '0', '-1', 'WITHSCORES')).toEqual([endpoint, '1000'])
  expect(await redis.zrange(keys.index('alice'), '0', '-1', 'WITHSCORES')).toEqual(['wh-1', '900'])
})

test('an endpoint that is looked at earlier anyway is not put off by a delivery', async () => {
  await redis.zadd(keys.endpoints, 500, endpoint)

  await open().create('wh-1', about, '{}')

  expect(await redis.zscore(keys.endpoints, endpoint)).toBe('500')
})

test('an owner has its last thousand origins', async () => {
  const origins = Array.from({ length: 1000 }, (_, index) => [index, `https://old-${index}.example`])
  await redis.zadd(keys.origins('alice'), ...origins.flat())

  await open().create('wh-1', about, '{}')

  expect(await redis.zcard(keys.origins('alice'))).toBe(1000)
  expect(await redis.zscore(keys.origins('alice'), 'https://old-0.example')).toBeNull()
  expect(await redis.zscore(keys.origins('alice'), 'https://receiver.example')).toBe('1000')
})

test('one that is pending is only due at once when it is redelivered', async () => {
  const store = open()
  await store.create('wh-1', about, '{}')
  await redis.hset(keys.delivery('wh-1'), 'tries', 3)
  await redis.zadd(keys.schedule(endpoint), 9000, 'wh-1')
  now = 2000

  const reply = await store.redeliver('wh-1', about, 'ignored')

  expect(reply).toBe('due')
  expect(await store.read('wh-1')).toMatchObject({ status: 'pending', tries: 3, nextAt: 2000 })
  expect(await redis.get(keys.body('wh-1'))).toBe('{}')
  expect(await redis.zscore(keys.schedule(endpoint), 'wh-1')).toBe('2000')
})

test('one that failed starts over with the body that it had', async () => {
  const store = open()
  await store.create('wh-1', about, '{}')
  await endAs('wh-1', 'failed')
  now = 2000

  const reply = await store.redeliver('wh-1', about, null)

  expect(reply).toBe('due')
  expect(await store.read('wh-1')).toMatchObject({ status: 'pending', tries: 0, nextAt: 2000, endedAt: null })
  expect(await redis.get(keys.body('wh-1'))).toBe('{}')
  expect(await redis.zcard(keys.failed)).toBe(0)
})

test('one that was delivered needs its body again, which counts for its owner', async () => {
  const store = open()
  await store.create('wh-1', about, '{}')
  await endAs('wh-1', 'delivered')

  const withoutBody = await store.redeliver('wh-1', about, null)
  const bytesWithoutBody = await store.frozenBytes('alice')
  const withBody = await store.redeliver('wh-1', about, '{"again":1}')

  expect([withoutBody, withBody]).toEqual(['body-needed', 'due'])
  expect(bytesWithoutBody).toBe(0)
  expect(await store.frozenBytes('alice')).toBe(11)
  expect(await redis.zcard(keys.delivered)).toBe(0)
})

test('what is not there can be neither redelivered nor discarded', async () => {
  const store = open()

  expect(await store.redeliver('wh-1', about, '{}')).toBe('not-found')
  expect(await store.discard('wh-1', about)).toBe(false)
  expect(await redis.keys(`${namespace}:{+deliveries}:schedule:*`)).toEqual([])
})

test('what is discarded is gone with its body, and its prediction may go', async () => {
  const store = open()
  const predictionId = 'iris-01JAAAAAAAAAAAAAAAAAAAAAAA'
  const holding = { ...about, predictionId, holdsPrediction: true }
  const { undelivered } = modelKeys(namespace, 'iris')
  await redis.zadd(undelivered, 1, `${predictionId}:held`, 2, predictionId)
  await store.create('wh-1', holding, '{}')

  const isDiscarded = await store.discard('wh-1', holding)

  expect(isDiscarded).toBe(true)
  expect(await store.read('wh-1')).toBeNull()
  expect(await store.frozenBytes('alice')).toBe(0)
  expect(await redis.exists(keys.body('wh-1'), keys.schedule(endpoint), keys.index('alice'))).toBe(0)
  expect(await redis.zrange(undelivered, '0', '-1')).toEqual([predictionId])
})

test('an origin that failed for days goes on when it is resumed', async () => {
  const store = open()
  await store.create('wh-1', about, '{}')
  await redis.hset(keys.endpoint(endpoint), 'failingSince', 100, 'pausedAt', 200, 'failures', 12)
  await redis.zrem(keys.endpoints, endpoint)
  const paused = await store.endpoints('alice')
  now = 2000

  const isKnown = await store.resume('alice', 'https://receiver.example')

  expect(paused).toEqual([
    { origin: 'https://receiver.example', waiting: 1, failingSince: 100, pausedAt: 200 },
  ])
  expect(isKnown).toBe(true)
  expect(await store.isPaused(endpoint)).toBe(false)
  expect(await redis.zscore(keys.endpoints, endpoint)).toBe('2000')
  expect(await redis.exists(keys.endpoint(endpoint))).toBe(0)
})

test('an origin that nothing was sent to can not be resumed', async () => {
  expect(await open().resume('alice', 'https://nowhere.example')).toBe(false)
})
