import { createDeliveryStore, createOutcomeWriter, jobOptions, modelKeys, untilReady } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { expect, inject, onTestFinished, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { openPredictionQueues } from '../redis/prediction-queues.ts'
import { createCancelPrediction } from './cancel-prediction.ts'
import { createForgetPrediction } from './forget-prediction.ts'
import { predictionRecord } from './prediction-record.fixture.ts'

const namespace = 'forget-test'
const hourMs = 3_600_000

test('what remains of a deleted prediction goes by itself, also when its API is cut off half-way', async () => {
  const admin = new Redis(inject('redisUrl'))
  onTestFinished(() => leaveRedis(admin, namespace))
  // what its connection may not do any more falls between the removal of the job and what comes after it
  const user = `${namespace}-api`
  await admin.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all', '-pexpire')
  onTestFinished(async () => void (await admin.call('ACL', 'DELUSER', user)))
  const redis = new Redis(
    Object.assign(new URL(inject('redisUrl')), { username: user, password: 'secret' }).href,
  )
  await untilReady(redis, AbortSignal.timeout(5000))
  const queues = openPredictionQueues({ redis, namespace })
  onTestFinished(async () => {
    await queues.close()
    redis.disconnect()
  })
  const store = { redis, namespace, clock: Date.now }
  const record = predictionRecord({ takenAt: null })
  const { id, job } = record
  await queues.open(job.model).add(job.owner, job, jobOptions(id, job, 1))
  const forget = createForgetPrediction({
    ...store,
    queues,
    deliveries: createDeliveryStore(store),
    cancel: createCancelPrediction({ ...store, queues, outcomes: createOutcomeWriter(store) }),
    retentionMs: hourMs,
  })

  await expect(forget(record)).rejects.toThrow('NOPERM')

  const keys = modelKeys(namespace, job.model)
  expect(await admin.exists(keys.queue(id))).toBe(0)
  const leftMs = await admin.pttl(keys.outcome(id))
  expect(leftMs).toBeGreaterThan(hourMs)
  expect(leftMs).toBeLessThanOrEqual(2 * hourMs)
})
