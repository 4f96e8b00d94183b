import { AppError, connectProducer, createLogger, RedisCondition, untilReady } from '@onqueue/shared'
import type { ModelEntry, PredictionQueues } from '@onqueue/shared'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { createAdmission } from './admission.ts'

const log = createLogger({ service: 'test', level: 'silent' })

let redis: ReturnType<typeof connectProducer>
beforeEach(async () => {
  redis = connectProducer(inject('redisUrl'), { log, condition: new RedisCondition({ log }) })
  await untilReady(redis, 5000)
})
afterEach(() => redis.disconnect())

const iris: ModelEntry = { name: 'iris', versions: [], heartbeats: [], lastSeenAt: null }

/** An admission whose reading of the backlog fails with `failure`. */
const openAdmission = (failure: Error) => {
  const logged: unknown[] = []
  const queues: PredictionQueues = {
    open: () => {
      throw failure
    },
    close: async () => undefined,
  }
  const admission = createAdmission({
    redis,
    namespace: `admission-test-${process.pid}`,
    queues,
    backlogLimit: 10,
    memoryWatermark: 0.85,
    log: { error: (fields: unknown) => void logged.push(fields) },
  })
  return { admission, logged }
}

test('a defect in a reading is logged with its stack, and the prediction goes on', async () => {
  const defect = new TypeError('what nobody thought of')
  const { admission, logged } = openAdmission(defect)

  await admission.admit(iris, { rows: 1, inputBytes: 10 })

  expect(logged).toEqual([{ err: defect }])
})

test('that the queue is away is said by whoever needs it, and not logged by each reading', async () => {
  const { admission, logged } = openAdmission(new AppError('queue_unavailable', 'the queue does not answer'))

  await admission.admit(iris, { rows: 1, inputBytes: 10 })

  expect(logged).toEqual([])
})

test('what was let in counts also where the backlog can not be read', async () => {
  const { admission } = openAdmission(new AppError('queue_unavailable', 'the queue does not answer'))
  await admission.admit(iris, { rows: 10, inputBytes: 10 })

  await expect(admission.admit(iris, { rows: 1, inputBytes: 10 })).rejects.toMatchObject({
    code: 'backlog_full',
  })
})
