import { deliveryKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { startTestRedis } from '../../../../scripts/redis/start-test-redis.ts'
import { takeDeliveries } from './take-deliveries.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `take-deliveries-test-${process.pid}`
const keys = deliveryKeys(namespace)
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(() => leaveRedis(redis, namespace))

const [a, b] = ['alice https://a.example', 'bob https://b.example']

/** Deliveries of an endpoint by when they are due; the endpoint is looked at when the first one is. */
const addDue = async (endpoint: string, dueAt: Record<string, number>) => {
  await redis.zadd(keys.schedule(endpoint), ...Object.entries(dueAt).flatMap(([id, at]) => [at, id]))
  await redis.zadd(keys.endpoints, Math.min(...Object.values(dueAt)), endpoint)
}

/** At 1000, with leases until 5000. */
const take = (...rooms: { endpoint: string; room: number; lookAt: number }[]) =>
  takeDeliveries.on(redis).run({
    keys: { endpoints: keys.endpoints },
    args: { now: 1000, leaseUntil: 5000 },
    moreKeys: rooms.flatMap(({ endpoint }) => [keys.schedule(endpoint), keys.endpoint(endpoint)]),
    moreArgs: rooms.flatMap(({ endpoint, room, lookAt }) => [endpoint, room, lookAt]),
  })

const read = async (key: string) => await redis.zrange(key, '0', '-1', 'WITHSCORES')

test('what is due is leased, the oldest first and as much as there is room for', async () => {
  await addDue(a, { second: 200, first: 100, third: 300 })

  const taken = await take({ endpoint: a, room: 2, lookAt: 1000 })

  expect(taken).toEqual([
    [a, 'first'],
    [a, 'second'],
  ])
  expect(await read(keys.schedule(a))).toEqual(['third', '300', 'first', '5000', 'second', '5000'])
})

test('what is not due yet stays, and its endpoint is looked at when it is', async () => {
  await addDue(a, { due: 1000, later: 1001 })

  const taken = await take({ endpoint: a, room: 9, lookAt: 1000 })

  expect(taken).toEqual([[a, 'due']])
  expect(await read(keys.schedule(a))).toEqual(['later', '1001', 'due', '5000'])
  expect(await read(keys.endpoints)).toEqual([a, '1001'])
})

test('what another process has leased is not taken before its lease is over', async () => {
  await addDue(a, { theirs: 3000 })

  const taken = await take({ endpoint: a, room: 9, lookAt: 1000 })

  expect(taken).toEqual([])
  expect(await read(keys.endpoints)).toEqual([a, '3000'])
})

test('an endpoint without room is left alone until it is to be looked at', async () => {
  await addDue(a, { due: 100 })

  const taken = await take({ endpoint: a, room: 0, lookAt: 1500 })

  expect(taken).toEqual([])
  expect(await read(keys.schedule(a))).toEqual(['due', '100'])
  expect(await read(keys.endpoints)).toEqual([a, '1500'])
})

test('an endpoint with more than it has room for is looked at as soon as it is to be', async () => {
  await addDue(a, { first: 100, second: 200 })

  await take({ endpoint: a, room: 1, lookAt: 1000 })

  expect(await read(keys.endpoints)).toEqual([a, '1000'])
})

test('a paused endpoint goes off the list and keeps its deliveries', async () => {
  await addDue(a, { due: 100 })
  await redis.hset(keys.endpoint(a), 'pausedAt', 900)

  const taken = await take({ endpoint: a, room: 9, lookAt: 1000 })

  expect(taken).toEqual([])
  expect(await read(keys.schedule(a))).toEqual(['due', '100'])
  expect(await read(keys.endpoints)).toEqual([])
})

test('an endpoint with nothing left goes off the list', async () => {
  await redis.zadd(keys.endpoints, 100, a)

  const taken = await take({ endpoint: a, room: 9, lookAt: 1000 })

  expect(taken).toEqual([])
  expect(await read(keys.endpoints)).toEqual([])
})

test('each endpoint has its own schedule, state and room', async () => {
  await addDue(a, { a1: 100, a2: 200 })
  await addDue(b, { b1: 100, b2: 200 })
  await redis.hset(keys.endpoint(b), 'failingSince', 500)

  const taken = await take({ endpoint: a, room: 0, lookAt: 1200 }, { endpoint: b, room: 1, lookAt: 1300 })

  expect(taken).toEqual([[b, 'b1']])
  expect(await read(keys.endpoints)).toEqual([a, '1200', b, '1300'])
})

test('in a Redis that is full deliveries are taken too', async () => {
  const full = await startTestRedis()
  redis.disconnect()
  redis = new Redis(full.url)
  try {
    await addDue(a, { due: 100 })
    await redis.config('SET', 'maxmemory', '1')

    expect(await take({ endpoint: a, room: 1, lookAt: 1000 })).toEqual([[a, 'due']])
  } finally {
    redis.disconnect()
    redis = new Redis(inject('redisUrl'))
    await full.close()
  }
})
