import {
  AppError,
  connectProducer,
  createLogger,
  globalKeys,
  readRedisMemory,
  RedisCondition,
  untilReady,
} from '@onqueue/shared'
import type { ModelEntry, PredictionQueues } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, onTestFinished, test } from 'vitest'
import { createAdmission } from './admission.ts'

const log = createLogger({ service: 'test', level: 'silent' })

let redis: ReturnType<typeof connectProducer>
beforeEach(async () => {
  redis = connectProducer(inject('redisUrl'), { log, condition: new RedisCondition({ log }) })
  await untilReady(redis, AbortSignal.timeout(5000))
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

test('what would not fit into an empty Redis is told so, and not to come back; what would has to wait', async () => {
  const { admission } = openAdmission(new AppError('queue_unavailable', 'the queue does not answer'))
  const { limitBytes } = await readRedisMemory(redis)
  const mayTake = 0.85 * limitBytes - 2048
  const refusalOf = (inputBytes: number) =>
    admission.admit(iris, { rows: 1, inputBytes }).catch((err: unknown) => err)

  expect(await refusalOf(mayTake + 1)).toMatchObject({ code: 'body_too_large', retryAfterSeconds: undefined })
  expect(await refusalOf(mayTake)).toMatchObject({
    code: 'memory_full',
    retryAfterSeconds: expect.any(Number),
  })
  expect(await refusalOf(mayTake / 2)).toBe(undefined)
})

/** An admission with a full backlog of 10 rows, for workers that finish 2 a second. */
const openFullAdmission = () => {
  const { admission } = openAdmission(new AppError('queue_unavailable', 'the queue does not answer'))
  const heartbeats = [{ workerId: 'w', at: 0, rowsPerSecond: 2, serviceMs: 500, versions: [] }]
  const entry: ModelEntry = { ...iris, heartbeats }
  const admit = (rows: number) => admission.admit(entry, { rows, inputBytes: 10 })
  return { admission, entry, admit }
}

test('those who are sent away from a full backlog come back one after the other', async () => {
  const { admit } = openFullAdmission()
  await admit(10)

  const refused: { retryAfterSeconds: number }[] = []
  for (let index = 0; index < 5; index += 1)
    await admit(1).catch((err: { retryAfterSeconds: number }) => refused.push(err))

  expect(refused.map(({ retryAfterSeconds }) => retryAfterSeconds)).toEqual([1, 2, 2, 3, 3])
})

test('an API process beside this one has its part of what drains', async () => {
  // this process listens, too
  const processes = [new Redis(inject('redisUrl')), new Redis(inject('redisUrl'))]
  onTestFinished(() => processes.forEach((process) => process.disconnect()))
  const { cardChanges } = globalKeys(`admission-test-${process.pid}`)
  await Promise.all(processes.map((process) => process.subscribe(cardChanges)))
  const { admit } = openFullAdmission()
  await admit(10)

  const refused: { retryAfterSeconds: number }[] = []
  for (let index = 0; index < 3; index += 1)
    await admit(1).catch((err: { retryAfterSeconds: number }) => refused.push(err))

  expect(refused.map(({ retryAfterSeconds }) => retryAfterSeconds)).toEqual([2, 3, 4])
})

test('the backlog tells when the latest of it may be done', async () => {
  const { admission, entry, admit } = openFullAdmission()
  expect(await admission.backlogSeconds(entry)).toBe(0.5)

  await admit(9)

  expect(await admission.backlogSeconds(entry)).toBe(4.5)
})
