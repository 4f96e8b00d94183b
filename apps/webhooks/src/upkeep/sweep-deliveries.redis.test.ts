import { createDeliveryStore, createLogger, deliveryKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { expect, inject, test } from 'vitest'
import { startTestRedis } from '../../../../scripts/redis/start-test-redis.ts'
import { createDeliverySchedule } from '../schedule/delivery-schedule.ts'
import { createDeliverySweeper } from './sweep-deliveries.ts'

const log = createLogger({ service: 'test', level: 'silent' })
const namespace = `sweep-test-${process.pid}`
const hourMs = 3_600_000

const aboutOf = (createdAt: number) => ({
  owner: 'alice',
  predictionId: null,
  event: 'webhook.test' as const,
  url: 'https://a.example/',
  createdAt,
  holdsPrediction: false,
})

test('delivered ones go after a day and failed ones after a week, with all that belongs to them', async () => {
  const redis = new Redis(inject('redisUrl'))
  let now = 1_000_000
  const clock = () => now
  const deliveries = createDeliveryStore({ redis, namespace, clock })
  const schedule = createDeliverySchedule({ redis, namespace, leaseMs: 30_000, log, clock })
  const sweeper = createDeliverySweeper({
    redis,
    namespace,
    retentionMs: 24 * hourMs,
    minRetentionMs: hourMs / 6,
    failedRetentionMs: 168 * hourMs,
    watermark: 1,
    log,
    clock,
  })
  const about = aboutOf(now)
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

test("an operator's watermark and shortest retention decide when delivered ones go early", async () => {
  const server = await startTestRedis()
  const redis = new Redis(server.url)
  let now = 1_000_000
  const clock = () => now
  const deliveries = createDeliveryStore({ redis, namespace, clock })
  const schedule = createDeliverySchedule({ redis, namespace, leaseMs: 30_000, log, clock })
  const isKeptAfter = async (passedMs: number, watermark: number) => {
    await deliveries.create('good', aboutOf(now), 'body')
    const [leased] = await schedule.take([{ endpoint: 'alice https://a.example', room: 1, lookAt: now }])
    if (leased) await schedule.settle(leased, { kind: 'delivered', attempts: [], tries: 1 })
    now += passedMs
    const sweeper = createDeliverySweeper({
      redis,
      namespace,
      retentionMs: 24 * hourMs,
      minRetentionMs: 1000,
      failedRetentionMs: 168 * hourMs,
      watermark,
      log,
      clock,
    })
    await sweeper.sweep()
    await sweeper.close()
    const isKept = (await deliveries.read('good')) !== null
    await deliveries.discard('good', aboutOf(now))
    return isKept
  }
  try {
    expect(await isKeptAfter(1001, 0)).toBe(false)
    expect(await isKeptAfter(999, 0)).toBe(true)
    expect(await isKeptAfter(1001, 1)).toBe(true)
  } finally {
    redis.disconnect()
    await server.close()
  }
})
