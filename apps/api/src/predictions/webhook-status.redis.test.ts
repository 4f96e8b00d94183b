import { createDeliveryStore, deliveryKeys, modelKeys, undeliveredMember } from '@onqueue/shared'
import type { PredictionRecord } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { createWebhookStatusReader } from './webhook-status.ts'
import { predictionRecord, succeeded } from './prediction-record.fixture.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `webhook-status-test-${process.pid}`
const { undelivered } = modelKeys(namespace, 'iris')
const url = 'https://receiver.example/hook'
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(() => leaveRedis(redis, namespace))

const record = predictionRecord({
  job: { webhook: { url, events: ['completed'], payload: 'full' } },
  outcome: succeeded,
})

const deliveries = () => createDeliveryStore({ redis, namespace, clock: Date.now })
const statusOf = (one: PredictionRecord) =>
  createWebhookStatusReader({ redis, namespace, deliveries: deliveries() })(one)
const createDelivery = () =>
  deliveries().create(
    'wh-01J00000000000000000000000',
    {
      owner: 'alice',
      predictionId: record.id,
      event: 'prediction.completed',
      url,
      createdAt: 3000,
      holdsPrediction: false,
    },
    '{}',
  )

test('a prediction that asked for no webhook about its end has no status', async () => {
  const { webhook: _, ...job } = record.job
  const startOnly = { url, events: ['start' as const], payload: 'full' as const }

  expect(await statusOf({ ...record, job })).toBeUndefined()
  expect(await statusOf({ ...record, job: { ...job, webhook: startOnly } })).toBeUndefined()
})

test('a delivery that is still to come is pending', async () => {
  await redis.zadd(undelivered, 3000, undeliveredMember.completed(record.id))

  expect(await statusOf(record)).toBe('pending')
  expect(await statusOf({ ...record, outcome: null })).toBe('pending')
})

test('before the prediction ended its delivery is pending, whatever is in Redis', async () => {
  expect(await statusOf({ ...record, outcome: null })).toBe('pending')
})

test('a delivery that is there tells its own status, and that its endpoint is paused', async () => {
  await createDelivery()

  expect(await statusOf(record)).toBe('pending')
  await redis.hset(deliveryKeys(namespace).endpoint('alice https://receiver.example'), 'pausedAt', 1)
  expect(await statusOf(record)).toBe('paused')
  await redis.hset(deliveryKeys(namespace).delivery('wh-01J00000000000000000000000'), 'status', 'delivered')
  expect(await statusOf(record)).toBe('delivered')
})

test('a delivery that is not there any more is gone', async () => {
  await redis.zadd(undelivered, 3000, undeliveredMember.start(record.id))

  expect(await statusOf(record)).toBe('gone')
})
