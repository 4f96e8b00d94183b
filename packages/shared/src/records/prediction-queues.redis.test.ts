import { Redis } from 'ioredis'
import { expect, inject, test } from 'vitest'
import { createPredictionQueues } from './prediction-queues.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `prediction-queues-test-${process.pid}`

test('a queue is opened at its first use, and closed with all others', async () => {
  const redis = new Redis(inject('redisUrl'))
  const queues = createPredictionQueues({ redis, namespace })
  try {
    const iris = queues.open('iris')
    const again = queues.open('iris')
    const other = queues.open('resnet')
    await Promise.all([iris.waitUntilReady(), other.waitUntilReady()])
    await queues.close()
    await queues.close()

    expect(again).toBe(iris)
    expect(other).not.toBe(iris)
    expect([iris.closing, other.closing]).toEqual([expect.any(Promise), expect.any(Promise)])
    expect(await redis.ping()).toBe('PONG')
  } finally {
    await leaveRedis(redis, namespace)
  }
})
