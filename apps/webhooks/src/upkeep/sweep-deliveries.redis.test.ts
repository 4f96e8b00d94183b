import { createDeliveryStore, createLogger, deliveryKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { expect, inject, test } from 'vitest'
import { createDeliverySchedule } from '../schedule/delivery-schedule.ts'
import { createDeliverySweeper } from './sweep-deliveries.ts'

const log = createLogger({ service: 'test', level: 'silent' })
const namespace = `sweep-test-${process.pid}`
const hourMs = 3_600_000

test('delivered ones go after a day and failed ones after a week, with all that belongs to them', async () => {
  const redis = new Redis(inject('redisUrl'))
  let now = 1_000_000
  const clock = () => now
  const deliveries = createDeliveryStore({ redis, namespace, clock })
  const schedule = createDeliverySchedule({ redis, namespace, leaseMs: 30_000, log, clock })
  const sweeper = createDeliverySweeper({
    redis,
    namespace,
    deliveredRetentionMs: 24 * hourMs,
    failedRetentionMs: 168 * hourMs,
    log,
    clock,
  })
  const about = {
    owner: 'alice',
    predictionId: null,
    event: 'webhook.test' as const,
    url: 'https://a.example/',
    createdAt: now,
    holdsPrediction: false,
  }
  const left = async () => {
    await sweeper.sweep()
    const read = await Promise.all(['good', 'bad', 'waiting'].map((id) => deliveries.read(id)))
    return read.flatMap((record) => (record ? [record.id] : []))
  }
  try {
    await deliveries.create('good', about, 'body')
    await deliveries.create('bad', about, 'longer body')
    const leased = await schedule.take([{ endpoint: 'alice https://a.example', room: 2, lookAt: now }])
    for (const delivery of leased) {
      const kind = delivery.record.id === 'good' ? 'delivered' : 'failed'
      await schedule.settle(delivery, { kind, attempts: [], tries: 1 })
    }
    await deliveries.create('waiting', about, 'wait')

    expect(await left()).toEqual(['good', 'bad', 'waiting'])
    expect(await deliveries.frozenBytes('alice')).toBe('longer body'.length + 'wait'.length)
    now += 24 * hourMs + 1
    expect(await left()).toEqual(['bad', 'waiting'])
    now += 144 * hourMs
    expect(await left()).toEqual(['waiting'])

    expect(await deliveries.frozenBytes('alice')).toBe('wait'.length)
    expect(await redis.zrange(deliveryKeys(namespace).index('alice'), '0', '-1')).toEqual(['waiting'])
  } finally {
    await sweeper.close()
    const keys = await redis.keys(`${namespace}:*`)
    await redis.del(keys)
    redis.disconnect()
  }
})
