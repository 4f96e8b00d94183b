import { createLogger, connectProducer, createOutcomeWriter, modelKeys, untilReady } from '@onqueue/shared'
import type { Outcome, PredictionRecord } from '@onqueue/shared'
import { expect, inject, test } from 'vitest'
import { createCancelPrediction } from './cancel-prediction.ts'
import { openPredictionQueues } from '../redis/prediction-queues.ts'

const namespace = 'cancel-test'
const id = 'iris-01J00000000000000000000000'

const record: PredictionRecord = {
  id,
  job: {
    model: 'iris',
    version: '1',
    digest: 'd',
    owner: 'alice',
    requestId: 'r',
    inputBytes: 2,
    arrayLength: null,
    priority: 'normal',
    metadata: {},
    deadline: null,
    createdAt: 1000,
  },
  input: {},
  takenAt: 2000,
  outcome: null,
}

const succeeded: Outcome = {
  status: 'succeeded',
  output: { prediction: 'setosa' },
  error: null,
  startedAt: 2000,
  completedAt: 3000,
  predictMs: 5,
  batchSize: 1,
  attempts: 1,
}

test('a cancel that comes after the worker wrote its outcome answers with that', async () => {
  const redis = connectProducer(inject('redisUrl'), createLogger({ service: 'test', level: 'error' }))
  await untilReady(redis, 5000)
  const queues = openPredictionQueues({ redis, namespace })
  const outcomes = createOutcomeWriter({ redis, namespace })
  try {
    await outcomes.write(id, succeeded, record.job)

    // the record was read before the worker finished
    const canceled = await createCancelPrediction({ queues, outcomes })(record)

    expect(canceled.outcome).toEqual(succeeded)
  } finally {
    await queues.close()
    const left = await redis.keys(`${namespace}:*`)
    expect(left).toContain(modelKeys(namespace, 'iris').outcome(id))
    await redis.del(left)
    redis.disconnect()
  }
})
