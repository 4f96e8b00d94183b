import {
  connectProducer,
  createLogger,
  createOutcomeWriter,
  modelKeys,
  RedisCondition,
  untilReady,
} from '@onqueue/shared'
import { expect, inject, test } from 'vitest'
import { createCancelPrediction } from './cancel-prediction.ts'
import { openPredictionQueues } from '../redis/prediction-queues.ts'
import { predictionRecord, succeeded } from './prediction-record.fixture.ts'

const namespace = 'cancel-test'
const log = createLogger({ service: 'test', level: 'silent' })

const record = predictionRecord({ takenAt: 2000 })
const { id } = record

test('a cancel that comes after the worker wrote its outcome answers with that', async () => {
  const redis = connectProducer(inject('redisUrl'), { log, condition: new RedisCondition({ log }) })
  await untilReady(redis, AbortSignal.timeout(5000))
  const queues = openPredictionQueues({ redis, namespace })
  const outcomes = createOutcomeWriter({ redis, namespace })
  try {
    await outcomes.write(id, succeeded, record.job)

    // the record was read before the worker finished
    const canceled = await createCancelPrediction({
      redis,
      namespace,
      clock: Date.now,
      queues,
      outcomes,
    })(record)

    expect(canceled.outcome).toEqual(succeeded)
  } finally {
    await queues.close()
    const left = await redis.keys(`${namespace}:*`)
    expect(left).toContain(modelKeys(namespace, 'iris').outcome(id))
    await redis.del(left)
    redis.disconnect()
  }
})
