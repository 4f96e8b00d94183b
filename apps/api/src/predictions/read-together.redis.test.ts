import {
  createOutcomeWriter,
  endedOutcome,
  modelKeys,
  newPredictionId,
  openPredictionQueue,
} from '@onqueue/shared'
import { jobOptions, StoredJson } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeEach, expect, inject, test, vi } from 'vitest'
import { predictionRecord } from './prediction-record.fixture.ts'
import { createReadTogether } from './read-together.ts'

const namespace = `test-${process.pid}-read-together`
const redis = new Redis(inject('redisUrl'))
const keys = modelKeys(namespace, 'iris')
const store = { redis, namespace, clock: Date.now }
const queue = openPredictionQueue(redis, namespace, 'iris')
let readRecord: ReturnType<typeof createReadTogether>

beforeEach(() => {
  readRecord = createReadTogether(store)
})
afterEach(async () => {
  vi.restoreAllMocks()
  const left = await redis.keys(`${namespace}:*`)
  if (left.length > 0) await redis.del(left)
})
afterAll(async () => {
  await queue.close()
  redis.disconnect()
})

const submit = async (input: unknown) => {
  const id = newPredictionId('iris', Date.now())
  const job = { ...predictionRecord().job, model: 'iris', input }
  await queue.add(job.owner, job, jobOptions(id, job, 1))
  return id
}
test('predictions that are asked for together come each to who asked, whether they are there or not', async () => {
  const ids = [await submit({ x: 1 }), newPredictionId('iris', 0), await submit({ x: 3 })]
  await redis.hset(keys.queue(ids[2] ?? ''), 'processedOn', '1700000000000')
  const ended = endedOutcome('canceled', { code: 'canceled', detail: 'so it was', now: 5 })
  await createOutcomeWriter(store).write(ids[2] ?? '', ended, null)

  const records = await Promise.all(ids.map((id) => readRecord('iris', id)))

  expect(records).toMatchObject([
    { id: ids[0], input: { x: 1 }, takenAt: null, outcome: null },
    null,
    { id: ids[2], input: { x: 3 }, takenAt: 1_700_000_000_000, outcome: { status: 'canceled' } },
  ])
})

test('of those that wait it is known where they stand, in the same step', async () => {
  const ids = [await submit({ x: 1 }), await submit({ x: 2 }), await submit({ x: 3 })]
  await redis.set(keys.extraRows, 4)
  await redis.lpush(keys.queue('active'), 'taken')
  await redis.hset(keys.queue(ids[1] ?? ''), 'processedOn', '1700000000000')
  const sent = vi.spyOn(redis, 'sendCommand')

  const records = await Promise.all(ids.map((id) => readRecord('iris', id)))

  const line = { waiting: 3, inHand: 1, extraRows: 4 }
  expect(records.map((record) => record?.line)).toEqual([
    { rank: 0, before: 0, ...line },
    undefined,
    { rank: 2, before: 2, ...line },
  ])
  expect(sent).toHaveBeenCalledTimes(1)
})

test('they are one command, and more than there is room for at once are a few', async () => {
  const ids = await Promise.all(Array.from({ length: 70 }, (_, index) => submit({ index })))
  const sent = vi.spyOn(redis, 'sendCommand')

  const records = await Promise.all(ids.map((id) => readRecord('iris', id)))

  expect(sent).toHaveBeenCalledTimes(3)
  expect(records.map((record) => record?.input)).toEqual(ids.map((_, index) => ({ index })))
})

test('one that can not be read is an error of who asked for it alone', async () => {
  const [good, bad] = [await submit({ x: 1 }), await submit({ x: 2 })]
  await redis.hset(keys.queue(bad), 'data', '{"model":7}')

  const [first, second] = await Promise.allSettled([readRecord('iris', bad), readRecord('iris', good)])

  expect(first.status).toBe('rejected')
  expect(second).toMatchObject({ status: 'fulfilled', value: { input: { x: 1 } } })
})

test('what is long of one stays where it is', async () => {
  const id = await submit(undefined)
  await redis.set(keys.input(id), JSON.stringify({ x: 'long' }))
  const output = 'é'.repeat(50_000)
  const ended = { ...endedOutcome('canceled', { code: 'canceled', detail: '', now: 5 }), output }
  await createOutcomeWriter(store).write(id, ended, null)

  const record = await readRecord('iris', id)

  if (!(record?.input instanceof StoredJson) || !(record.outcome?.output instanceof StoredJson))
    throw new Error('it was read along')
  expect(await record.input.value()).toEqual({ x: 'long' })
  expect(await record.outcome.output.value()).toBe(output)
})
