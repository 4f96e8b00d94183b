import { once } from 'node:events'
import { deliveryKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { readWaitingEndpoints } from './read-waiting-endpoints.ts'

const namespace = `read-waiting-endpoints-test-${process.pid}`
const { endpoints } = deliveryKeys(namespace)
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(async () => {
  if (redis.status === 'ready') await redis.del(endpoints)
  redis.disconnect()
})

const read = () => readWaitingEndpoints({ redis, namespace, clock: () => 5000 })

test('the most overdue endpoint counts', async () => {
  await redis.zadd(endpoints, 3500, 'alice a', 4000, 'bob b', 9000, 'carol c')

  expect(await read()).toEqual({ endpoints: 3, overdueSeconds: 1.5 })
})

test('none is overdue where none is due, or none waits', async () => {
  await redis.ping()
  const withoutAny = await read()
  await redis.zadd(endpoints, 9000, 'carol c')

  expect(withoutAny).toEqual({ endpoints: 0, overdueSeconds: 0 })
  expect(await read()).toEqual({ endpoints: 1, overdueSeconds: 0 })
})

test('without Redis it fails at once', async () => {
  await redis.ping()
  const hasEnded = once(redis, 'end')
  redis.disconnect()
  await hasEnded

  await expect(read()).rejects.toThrow('Redis does not answer')
})
