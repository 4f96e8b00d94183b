import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import {
  createLogger,
  createOutcomeWriter,
  createPredictionQueues,
  jobOptions,
  modelKeys,
  modelPrefix,
  newPredictionId,
  queueName,
  readPredictionRecord,
} from '@onqueue/shared'
import type { PredictionJobData } from '@onqueue/shared'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { returnStalled } from './return-stalled.ts'
import type { Upkeep } from './upkeep.ts'

const namespace = `return-stalled-test-${process.pid}`
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

test('what a lost worker held waits again and is shown so, and what is still held is left alone', async () => {
  const store = { redis, namespace, clock: Date.now }
  const queues = createPredictionQueues(store)
  const queue = queues.open(model)
  const { queue: keyOf } = modelKeys(namespace, model)
  const log = createLogger({ service: 'test', level: 'silent' })
  const upkeep: Upkeep = {
    ...store,
    outcomes: createOutcomeWriter(store),
    queues,
    log,
    isClosed: () => false,
  }
  const [lost, held] = [newPredictionId(model, 1000), newPredictionId(model, 1001)]
  for (const id of [lost, held]) await queue.add('alice', job, { ...jobOptions(id, job, 3), priority: 0 })
  const worker = new Worker(queueName, null, { connection: redis, prefix: modelPrefix(namespace, model) })
  await worker.getNextJob('token', { block: false })
  await worker.getNextJob('token', { block: false })
  const takenAt = async (id: string) => (await readPredictionRecord(store, model, id))?.takenAt ?? null
  const takenBefore = await Promise.all([lost, held].map(takenAt))

  // its worker renews it no more
  await redis.del(`${keyOf(lost)}:lock`)
  await returnStalled(upkeep, model)
  const afterOneLook = await queue.getJobState(lost)
  // as five seconds later
  await redis.del(keyOf('stalled-check'))
  await returnStalled(upkeep, model)

  expect(takenBefore).toEqual([expect.any(Number), expect.any(Number)])
  expect(afterOneLook).toBe('active')
  expect(await Promise.all([lost, held].map((id) => queue.getJobState(id)))).toEqual(['waiting', 'active'])
  expect(await Promise.all([lost, held].map(takenAt))).toEqual([null, takenBefore[1]])
  await worker.close()
  await queues.close()
})
