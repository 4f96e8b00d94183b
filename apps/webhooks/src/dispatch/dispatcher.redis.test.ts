import { createDeliveryStore, createLogger, deliveryKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { createDeliverySchedule } from '../schedule/delivery-schedule.ts'
import type { LeasedDelivery } from '../schedule/delivery-schedule.ts'
import { Dispatcher } from './dispatcher.ts'
import type { AttemptResult } from '../attempts/attempt-result.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const log = createLogger({ service: 'test', level: 'silent' })
const namespace = `dispatch-test-${process.pid}`
let redis: Redis
const dispatchers: { close: (graceMs: number) => Promise<void> }[] = []

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(async () => {
  await Promise.all(dispatchers.splice(0).map((dispatcher) => dispatcher.close(0)))
  await leaveRedis(redis, namespace)
})

/** A real schedule, and attempts that are only noted: those of `hangs` never end. */
const start = ({
  hangs,
  maxPerEndpoint = 16,
}: {
  hangs: (url: string) => boolean
  maxPerEndpoint?: number
}) => {
  const deliveries = createDeliveryStore({ redis, namespace, clock: Date.now })
  const schedule = createDeliverySchedule({ redis, namespace, clock: Date.now, leaseMs: 30_000, log })
  const attempted: string[] = []
  /** The most attempts that were under way at once, of all and of each owner. */
  const most = new Map<string, number>()
  const underWay = new Map<string, number>()
  const count = (name: string, change: number) => {
    const now = (underWay.get(name) ?? 0) + change
    underWay.set(name, now)
    most.set(name, Math.max(most.get(name) ?? 0, now))
  }
  const attempt = async (delivery: LeasedDelivery): Promise<AttemptResult> => {
    const { id, owner, url } = delivery.record
    attempted.push(id)
    for (const name of ['all', owner]) count(name, 1)
    if (hangs(url)) return new Promise(() => undefined)
    await schedule.settle(delivery, { kind: 'delivered', attempts: [], tries: 1 })
    for (const name of ['all', owner]) count(name, -1)
    return { statusCode: 200, error: null, retryAfter: null, responseHead: null, durationMs: 1 }
  }
  const dispatcher = new Dispatcher({
    schedule,
    attempt,
    maxInFlight: 256,
    maxPerEndpoint,
    maxOpenMs: 1000,
    clock: Date.now,
    log,
  })
  dispatchers.push(dispatcher)
  const add = (id: string, owner: string, url: string) =>
    deliveries.create(
      id,
      { owner, predictionId: null, event: 'webhook.test', url, createdAt: 1, holdsPrediction: false },
      '{}',
    )
  return { add, attempted, dispatcher, most }
}

const isDead = (url: string) => url.includes('dead')

test('more endpoints that hang than are looked at in one go do not hide another', async () => {
  const { add, attempted, dispatcher } = start({ hangs: isDead, maxPerEndpoint: 1 })
  for (let index = 0; index < 120; index += 1) {
    await add(`a${index}`, 'alice', `https://dead-${index}.example/`)
    await add(`b${index}`, 'alice', `https://dead-${index}.example/`)
  }
  dispatcher.wake()
  await expect.poll(() => attempted.length).toBe(120)

  await add('alive', 'bob', 'https://alive.example/')
  dispatcher.wake()

  await expect.poll(() => attempted).toContain('alive')
})

test('one owner with many receivers that hang leaves half of all attempts to the others', async () => {
  const { add, attempted, dispatcher, most } = start({ hangs: isDead })
  for (let index = 0; index < 400; index += 1) {
    await add(`a${index}`, 'alice', `https://dead-${index % 20}.example/`)
  }
  dispatcher.wake()
  await expect.poll(() => attempted.length).toBe(128)

  await Promise.all(
    Array.from({ length: 200 }, (_, index) => add(`b${index}`, 'bob', `https://alive-${index % 5}.example/`)),
  )
  dispatcher.wake()

  await expect.poll(() => attempted.filter((id) => id.startsWith('b')).length).toBe(200)
  await expect.poll(() => dispatcher.inFlight()).toBe(128)
  expect(most.get('alice')).toBe(128)
  expect(most.get('all')).toBeGreaterThan(128)
  expect(most.get('all')).toBeLessThanOrEqual(256)
})

test('a delivery that can not be read holds up no other', async () => {
  const { add, attempted, dispatcher } = start({ hangs: isDead })
  await add('broken', 'alice', 'https://alive.example/')
  await redis.hset(deliveryKeys(namespace).delivery('broken'), 'about', '{"of":"another release"}')
  await add('whole', 'alice', 'https://alive.example/')

  dispatcher.wake()

  await expect.poll(() => attempted).toEqual(['whole'])
})
