import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import {
  createLogger,
  createOutcomeWriter,
  createPredictionQueues,
  endedOutcome,
  jobOptions,
  newPredictionId,
  readPredictionRecord,
} from '@onqueue/shared'
import type { PredictionJobData } from '@onqueue/shared'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { clearEnded } from './clear-ended.ts'
import type { Upkeep } from './upkeep.ts'

const namespace = `clear-ended-test-${process.pid}`
const model = 'iris'
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null })
})
afterEach(() => leaveRedis(redis, namespace))

const job: PredictionJobData = {
  model,
  version: '1',
  digest: 'd1',
  owner: 'alice',
  requestId: 'req-1',
  input: {},
  inputBytes: 2,
  arrayLength: null,
  priority: 'normal',
  metadata: {},
  deadline: null,
  createdAt: 1000,
}

test('what ended in the queue is completed, and what still waits waits on, taken by nobody', async () => {
  const store = { redis, namespace, clock: Date.now }
  const outcomes = createOutcomeWriter(store)
  const queues = createPredictionQueues(store)
  const queue = queues.open(model)
  const [ended, waiting] = [newPredictionId(model, 1000), newPredictionId(model, 1001)]
  for (const id of [ended, waiting]) await queue.add('alice', job, { ...jobOptions(id, job, 3), priority: 0 })
  await outcomes.write(ended, endedOutcome('canceled', { code: 'canceled', detail: 'gone', now: 2000 }), job)
  const log = createLogger({ service: 'test', level: 'silent' })
  const upkeep: Upkeep = { ...store, outcomes, queues, log, isClosed: () => false }

  await clearEnded(upkeep, model)

  expect(await queue.getJobCounts('completed', 'waiting', 'active')).toEqual({
    completed: 1,
    waiting: 1,
    active: 0,
  })
  const record = await readPredictionRecord(store, model, waiting)
  expect(record).toMatchObject({ takenAt: null, outcome: null })
  await queues.close()
})
