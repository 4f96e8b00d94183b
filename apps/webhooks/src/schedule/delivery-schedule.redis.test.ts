import { createDeliveryStore, createLogger, deliveryKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { createDeliverySchedule } from './delivery-schedule.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `delivery-schedule-test-${process.pid}`
const keys = deliveryKeys(namespace)
const endpoint = 'alice https://a.example'
let redis: Redis
let now = 1000

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  now = 1000
})
afterEach(() => leaveRedis(redis, namespace))

const start = () => {
  const clock = () => now
  const log = createLogger({ service: 'test', level: 'silent' })
  const deliveries = createDeliveryStore({ redis, namespace, clock })
  const schedule = createDeliverySchedule({ redis, namespace, leaseMs: 4000, log, clock })
  const add = (id: string, url = 'https://a.example/hook') =>
    deliveries.create(
      id,
      {
        owner: 'alice',
        predictionId: null,
        event: 'webhook.test',
        url,
        createdAt: 1,
        holdsPrediction: false,
      },
      `body of ${id}`,
    )
  return { add, deliveries, schedule }
}

test('endpoints with something due come in the order in which they have waited', async () => {
  const { add, schedule } = start()
  now = 300
  await add('third', 'https://c.example/')
  now = 100
  await add('first', 'https://a.example/')
  now = 200
  await add('second', 'https://b.example/')
  now = 299

  expect(await schedule.dueEndpoints(9)).toEqual(['alice https://a.example', 'alice https://b.example'])
  expect(await schedule.dueEndpoints(1)).toEqual(['alice https://a.example'])
})

test('a delivery is taken with its body, and leased', async () => {
  const { add, schedule } = start()
  await add('wh-1')

  const taken = await schedule.take([{ endpoint, room: 1, lookAt: 1000 }])

  expect(taken).toMatchObject([
    { record: { id: 'wh-1', owner: 'alice', status: 'pending' }, leaseUntil: 5000, endpoint },
  ])
  expect(String(taken[0]?.body)).toBe('body of wh-1')
  expect(await redis.zscore(keys.schedule(endpoint), 'wh-1')).toBe('5000')
})

test('one whose process died is taken again when its lease is over, and then settled by the second alone', async () => {
  const { add, deliveries, schedule } = start()
  await add('wh-1')
  const take = () => schedule.take([{ endpoint, room: 1, lookAt: now }])
  const [first] = await take()

  now = 4999
  const tooEarly = await take()
  now = 5000
  const [second] = await take()
  if (!first || !second) throw new Error('it was not taken')
  const lost = await schedule.settle(first, { kind: 'failed', attempts: [], tries: 1 })
  const won = await schedule.settle(second, { kind: 'retry', at: 7000, attempts: [], tries: 1 })

  expect(tooEarly).toEqual([])
  expect(lost).toEqual({ isNoted: false, failingSince: null, failures: 0 })
  expect(won).toEqual({ isNoted: true, failingSince: 5000, failures: 1 })
  expect(await deliveries.read('wh-1')).toMatchObject({ status: 'pending', tries: 1, nextAt: 7000 })
})

test.each(['delivery', 'body'] as const)('one without its %s goes off the schedule', async (what) => {
  const { add, schedule } = start()
  await add('broken')
  await add('whole')
  await redis.del(keys[what]('broken'))

  const taken = await schedule.take([{ endpoint, room: 9, lookAt: 1000 }])

  expect(taken.map(({ record }) => record.id)).toEqual(['whole'])
  expect(await redis.zrange(keys.schedule(endpoint), '0', '-1')).toEqual(['whole'])
})

test('one that can not be read holds up no other, and is due again when its lease is over', async () => {
  const { add, schedule } = start()
  await add('broken')
  await add('whole')
  await redis.hset(keys.delivery('broken'), 'about', '{"of":"another release"}')

  const taken = await schedule.take([{ endpoint, room: 9, lookAt: 1000 }])

  expect(taken.map(({ record }) => record.id)).toEqual(['whole'])
  expect(await redis.zscore(keys.schedule(endpoint), 'broken')).toBe('5000')
})

test('an endpoint is paused while it fails since then, and from its first pause on', async () => {
  const { schedule } = start()
  await redis.hset(keys.endpoint(endpoint), 'failingSince', 500)

  await schedule.pause(endpoint, 499)
  await schedule.pause(endpoint, null)
  const pausedByOthers = await redis.hget(keys.endpoint(endpoint), 'pausedAt')
  await schedule.pause(endpoint, 500)
  now = 2000
  await schedule.pause(endpoint, 500)

  expect(pausedByOthers).toBeNull()
  expect(await redis.hget(keys.endpoint(endpoint), 'pausedAt')).toBe('1000')
})

test('an endpoint that does not fail is not paused', async () => {
  const { schedule } = start()

  await schedule.pause(endpoint, null)

  expect(await redis.exists(keys.endpoint(endpoint))).toBe(0)
})
