import { createDeliveryStore, createLogger, deliveryIdOf, deliveryKeys, modelKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { createDeliveryCreator } from './delivery-creator.ts'
import { createUndeliveredEntries } from './undelivered-entries.ts'

const namespace = `delivery-creator-test-${process.pid}`
const { undelivered } = modelKeys(namespace, 'iris')
const predictionId = 'iris-01J00000000000000000000000'
const deliveryId = deliveryIdOf(predictionId, 'completed')
const hour = 3_600_000
let redis: Redis
let now = 0

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  now = 0
})
afterEach(() => leaveRedis(redis, namespace))

/** A thin delivery that is there, with the prediction that is held for it. */
const hold = async () => {
  const store = { redis, namespace, clock: () => now }
  const entries = createUndeliveredEntries({ ...store, random: () => 1 })
  const deliveries = createDeliveryStore(store)
  const creator = createDeliveryCreator({
    ...store,
    entries,
    deliveries,
    show: () => {
      throw new Error('unreachable: its body is frozen')
    },
    log: createLogger({ service: 'test', level: 'silent' }),
    onCreated: () => undefined,
  })
  await entries.hold('iris', predictionId)
  await deliveries.create(
    deliveryId,
    {
      owner: 'alice',
      predictionId,
      event: 'prediction.completed',
      url: 'https://receiver.example/',
      createdAt: now,
      holdsPrediction: true,
    },
    '{}',
  )
  return creator
}

const lookAt = () => redis.zscore(undelivered, `${predictionId}:held`)

test('a prediction whose thin delivery waits is held on, however long', async () => {
  const creator = await hold()

  now = hour
  await creator.createDue('iris')

  expect(await lookAt()).toBe(String(2 * hour))
})

test.each(['delivered', 'failed'])(
  'a prediction whose thin delivery has %s is let go within the hour, though its process died before it could',
  async (status) => {
    const creator = await hold()
    await redis.hset(deliveryKeys(namespace).delivery(deliveryId), 'status', status)

    now = hour
    await creator.createDue('iris')

    expect(await lookAt()).toBe(null)
  },
)
