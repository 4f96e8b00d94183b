import {
  createDeliveryStore,
  createOutcomeWriter,
  endedOutcome,
  jobOptions,
  modelKeys,
  newPredictionId,
  openPredictionQueue,
} from '@onqueue/shared'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterAll, afterEach, beforeEach, expect, inject, test } from 'vitest'
import { modelEntry } from '../../models/model-entry.fixture.ts'
import { createChannels } from '../../redis/channels.ts'
import { predictionRecord } from '../prediction-record.fixture.ts'
import { createPredictionReader } from '../read-prediction.ts'
import type { PredictionReader } from '../read-prediction.ts'
import { createOutcomeWaiters } from '../wait-for-outcome.ts'
import { createWatchMany } from './watch-many.ts'

const namespace = `test-${process.pid}-watch-many`
const redis = new Redis(inject('redisUrl'))
const queue = openPredictionQueue(redis, namespace, 'iris')
const store = { redis, namespace, clock: Date.now }
const catalog = { get: (model: string) => (model === 'iris' ? modelEntry('iris') : undefined) }
const outcomes = createOutcomeWriter(store)
const reader = createPredictionReader({
  ...store,
  catalog,
  outcomes,
  deliveries: createDeliveryStore(store),
  retentionMs: 1000,
})
const logged: { predictionId: string; err: { message: string } }[] = []
const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) })
const canceled = endedOutcome('canceled', { code: 'canceled', detail: 'not wanted', now: 1 })
let subscriber: Redis
let waiters: ReturnType<typeof createOutcomeWaiters>

beforeEach(() => open())
afterEach(async () => {
  waiters.close()
  subscriber.disconnect()
  const left = await redis.keys(`${namespace}:*`)
  if (left.length > 0) await redis.del(left)
})
afterAll(async () => {
  await queue.close()
  redis.disconnect()
})

/** `rereadMs` is so long that what is not told is not found. */
const open = ({ rereadMs = 60_000 } = {}) => {
  subscriber = new Redis(inject('redisUrl'))
  const channels = createChannels(subscriber)
  waiters = createOutcomeWaiters({ ...store, channels, areRepliesSent: () => true, log, rereadMs })
}

const submit = async (job: Parameters<typeof predictionRecord>[0] = {}) => {
  const record = predictionRecord(job)
  const id = newPredictionId('iris', Date.now())
  await queue.add(record.job.owner, { ...record.job, input: {} }, jobOptions(id, record.job, 1))
  return id
}
const submitMany = (count: number) => Promise.all(Array.from({ length: count }, () => submit()))
const end = (id: string) => outcomes.write(id, canceled, null)
const isFinal = async (id: string) => (await redis.exists(modelKeys(namespace, 'iris').outcome(id))) === 1

/** Waits for a minute, which no test has, where nothing else is said; tells when it is over. */
const watch = (
  ids: string[],
  {
    until = 'all',
    waitMs = 60_000,
    signal,
    find = (...asked) => reader.find(...asked),
  }: {
    until?: 'all' | 'any'
    waitMs?: number
    signal?: AbortSignal
    find?: PredictionReader['find']
  } = {},
) => {
  const watchMany = createWatchMany({ ...store, catalog, reader: { find }, waiters, log })
  const watched = { isOver: false, over: Promise.resolve() }
  watched.over = watchMany(ids, { owner: 'alice', until, waitMs, signal }).then(() => {
    watched.isOver = true
  })
  return watched
}
const untilItWaits = () => expect.poll(() => waiters.count(), { interval: 5 }).toBe(1)
const untilHeard = () =>
  expect
    .poll(async () => Number((await redis.pubsub('NUMSUB', modelKeys(namespace, 'iris').notices))[1]))
    .toBe(1)

test('a wait for all is over when the last of them is final, and is one wait until then', async () => {
  const ids = await submitMany(50)
  const watched = watch(ids)
  await untilItWaits()
  await untilHeard()

  for (const id of ids.slice(1)) await end(id)
  expect(watched.isOver).toBe(false)
  expect(waiters.count()).toBe(1)
  await end(ids[0] ?? '')

  await watched.over
  expect(waiters.count()).toBe(0)
})

test('a wait for any is over with the first that is final', async () => {
  const ids = await submitMany(50)
  const watched = watch(ids, { until: 'any' })
  await untilItWaits()
  await untilHeard()

  await end(ids[30] ?? '')

  await watched.over
  expect(waiters.count()).toBe(0)
})

test.each(['all', 'any'] as const)('what is final is not waited for, until %s', async (until) => {
  const ids = await submitMany(until === 'all' ? 30 : 1)
  await Promise.all(ids.map(end))
  const others = until === 'all' ? [] : await submitMany(30)

  await watch([...others, ...ids], { until }).over
})

test.each(['all', 'any'] as const)('what is not there is not waited for, until %s', async (until) => {
  const foreign = await submit({ job: { owner: 'bob' } })

  await watch([foreign, newPredictionId('iris', 1), newPredictionId('other', 1), 'nonsense'], { until }).over
})

test('one of somebody else that is final ends no wait', async () => {
  const foreign = await submit({ job: { owner: 'bob' } })
  await end(foreign)
  const mine = await submit()
  const watched = watch([foreign, mine], { until: 'any' })
  await untilItWaits()
  await untilHeard()

  expect(watched.isOver).toBe(false)
  await end(mine)

  await watched.over
})

test('one that ends while others are read is not waited for', async () => {
  const ids = await submitMany(40)
  const find: PredictionReader['find'] = async (id, owner) => {
    const record = await reader.find(id, owner)
    const told = waiters.expect(id)
    await end(id)
    // what this process is told of it, it is told before it waits
    await told.within(10_000)
    told.release()
    return record
  }

  await watch(ids, { find }).over
})

test('the end of its time, its caller or its process ends a wait, and nothing of it is left', async () => {
  const ids = await submitMany(3)
  const leaving = new AbortController()

  await watch(ids, { waitMs: 30 }).over
  expect(waiters.count()).toBe(0)

  const left = watch(ids, { signal: leaving.signal })
  await untilItWaits()
  leaving.abort()
  await left.over
  expect(waiters.count()).toBe(0)

  const closed = watch(ids)
  await untilItWaits()
  waiters.close()
  await closed.over
  expect(await Promise.all(ids.map(isFinal))).toEqual([false, false, false])
})

test('one that is gone is waited for no more', async () => {
  waiters.close()
  subscriber.disconnect()
  open({ rereadMs: 20 })
  const ids = await submitMany(2)
  const watched = watch(ids)
  await untilItWaits()

  await redis.del(modelKeys(namespace, 'iris').queue(ids[0] ?? ''))
  await end(ids[1] ?? '')

  await watched.over
})

test('one whose deadline passes ends, though no worker is there', async () => {
  const id = await submit({ job: { deadline: Date.now() + 100 } })

  await watch([id]).over

  expect(await isFinal(id)).toBe(true)
})

test('one that can not be read again is waited for, and the log says why', async () => {
  const id = await submit({ job: { deadline: Date.now() + 50 } })
  const errors = [new Error('a defect')]
  let isRead = false
  const find: PredictionReader['find'] = async (...asked) => {
    const err = isRead ? errors.pop() : undefined
    if (err) throw err
    isRead = true
    return reader.find(...asked)
  }

  await watch([id], { find }).over

  expect(logged).toMatchObject([{ predictionId: id, err: { message: 'a defect' } }])
  expect(await isFinal(id)).toBe(true)
})
