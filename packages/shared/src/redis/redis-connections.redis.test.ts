import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { pino } from 'pino'
import { expect, inject, onTestFinished, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { RedisCondition } from './redis-condition.ts'
import { connectConsumer, connectProducer, connectSubscriber } from './redis-connections.ts'

const namespace = `redis-connections-test-${process.pid}`
const log = pino({ level: 'silent' })

const connectWatched = (connect: typeof connectProducer) => {
  const warnings: string[] = []
  const warn = ({ message }: Error) => void warnings.push(message)
  process.on('warning', warn)
  const condition = new RedisCondition({ log })
  const redis = connect(inject('redisUrl'), { log, condition })
  onTestFinished(() => {
    process.off('warning', warn)
    condition.close()
    redis.disconnect()
  })
  const listenThirtyTimes = async () => {
    for (let model = 0; model < 30; model++) redis.on('ready', () => undefined)
    await once(redis, 'ready')
    // a warning comes in a turn of its own
    await setImmediate()
  }
  return { redis, warnings, listenThirtyTimes }
}

test.each([
  ['producer', connectProducer],
  ['consumer', connectConsumer],
  ['subscriber', connectSubscriber],
])('thirty models may listen to one %s, and Node takes that for no leak', async (_name, connect) => {
  const { warnings, listenThirtyTimes } = connectWatched(connect)

  await listenThirtyTimes()

  expect(warnings).toEqual([])
})

test('so they may where BullMQ, which counts its own listeners, has the connection too', async () => {
  const { redis, warnings, listenThirtyTimes } = connectWatched(connectConsumer)
  const queue = new Queue('iris', { connection: redis, prefix: namespace })

  await listenThirtyTimes()
  await queue.close()
  await leaveRedis(redis, namespace)

  expect(warnings).toEqual([])
})
