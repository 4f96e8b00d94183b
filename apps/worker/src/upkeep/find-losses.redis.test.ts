import { chunkQueueName, createLogger, fileKeys, modelKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { createLossFinder } from './find-losses.ts'

// an operator may well choose a name that means something in a pattern
const namespace = `find-losses-test-[${process.pid}]*`
const keys = modelKeys(namespace, 'iris')
const id = 'iris-00000000000000000000000001'
let redis: Redis
let repaired: string[]
let find: () => Promise<void>

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  repaired = []
  const look = createLossFinder({
    redis,
    namespace,
    clock: Date.now,
    log: createLogger({ service: 'test', level: 'silent' }),
    onRepaired: (kind) => repaired.push(kind),
    isClosed: () => false,
  })
  find = () => untilRoundOver(look)
})
afterEach(async () => {
  const left = (await redis.keys('find-losses-test-*')).filter((key) => key.startsWith(namespace))
  if (left.length > 0) await redis.del(left)
  await leaveRedis(redis, namespace)
})

/** Other tests have keys in this Redis too, so that a round may take several steps. */
const untilRoundOver = async (look: (models: string[]) => Promise<void>) => {
  const steps = Math.ceil((await redis.dbsize()) / 500) + 2
  for (let step = 0; step < steps; step++) await look(['iris'])
}

const data = (deadline: number | null, owner = 'alice') =>
  JSON.stringify({
    model: 'iris',
    owner,
    input: { deadline: 5, createdAt: 6 },
    metadata: { deadline: '7' },
    deadline,
    createdAt: 1000,
  })
/** As BullMQ stores it. */
const storeJob = (text = data(null)) =>
  redis.hset(keys.queue(id), 'name', 'alice', 'timestamp', 1000, 'priority', 5, 'data', text)
const list = () => redis.zadd(keys.index('alice'), 1000, id)
const final = () => redis.set(keys.outcome(id), '{}')

test('a prediction without a place in the queue waits again, behind the others, and a worker is woken', async () => {
  await storeJob()
  await list()
  await redis.set(keys.queue('pc'), 41)

  await find()

  expect(await redis.zscore(keys.queue('prioritized'), id)).toBe(String(5 * 2 ** 32 + 42))
  expect(await redis.zscore(keys.queue('marker'), '0')).toBe('0')
  expect(repaired).toEqual(['place'])
})

test.each(['prioritized', 'delayed'])('one that has its place in %s is left alone', async (part) => {
  await storeJob()
  await list()
  await redis.zadd(keys.queue(part), 7, id)

  await find()

  expect(await redis.zscore(keys.queue(part), id)).toBe('7')
  expect(repaired).toEqual([])
})

test.each(['wait', 'active'])('so is one in %s', async (part) => {
  await storeJob()
  await list()
  await redis.lpush(keys.queue(part), id)

  await find()

  expect(repaired).toEqual([])
})

test('one that a worker has is left alone, until its lock has run out', async () => {
  await storeJob()
  await list()
  await redis.set(`${keys.queue(id)}:lock`, 'token')

  await find()
  expect(repaired).toEqual([])
  await redis.del(`${keys.queue(id)}:lock`)
  await find()

  expect(repaired).toEqual(['place'])
})

test('one that is final gets a place among what is swept, and is not run again', async () => {
  await storeJob()
  await list()
  await final()

  await find()

  expect(await redis.zscore(keys.queue('completed'), id)).not.toBeNull()
  expect(await redis.exists(keys.queue('prioritized'))).toBe(0)
  expect(repaired).toEqual(['place'])
})

test('one that completed and has lost its outcome is removed with all that it had', async () => {
  await storeJob()
  await list()
  await redis.zadd(keys.queue('completed'), 1000, id)
  await redis.set(keys.input(id), '{}')

  await find()

  expect(
    await redis.keys(`${namespace.replace('[', '\\[').replace(']', '\\]').replace('*', '\\*')}:*`),
  ).toEqual([])
  expect(repaired).toEqual(['outcome'])
})

test('what is left of a prediction without a record goes by itself', async () => {
  await final()
  await redis.set(keys.input(id), '{}')

  await find()

  expect(await redis.pttl(keys.outcome(id))).toBeGreaterThan(3_500_000)
  expect(await redis.pttl(keys.input(id))).toBeGreaterThan(3_500_000)
  expect(repaired).toEqual(['record'])
})

test('the outcome of a submit that came too late keeps its time, as its job may be about to come', async () => {
  await redis.set(keys.outcome(id), '{}', 'PX', 500_000)

  await find()

  expect(await redis.pttl(keys.outcome(id))).toBeLessThan(500_001)
  expect(repaired).toEqual([])
})

test('an input that was about to go stays, since its record is there', async () => {
  await storeJob()
  await list()
  await redis.zadd(keys.queue('prioritized'), 7, id)
  await redis.set(keys.input(id), '{}', 'PX', 500_000)

  await find()

  expect(await redis.pttl(keys.input(id))).toBe(-1)
})

test('listing and deadline come back, by what the record says and not by what its caller gave', async () => {
  await storeJob(data(9000))
  await redis.zadd(keys.queue('prioritized'), 7, id)

  await find()

  expect(await redis.zscore(keys.index('alice'), id)).toBe('1000')
  expect(await redis.zscore(keys.deadlines, id)).toBe('9000')
  expect(repaired.toSorted()).toEqual(['deadline', 'listing'])
})

test('one without a deadline gets none, and one that was deleted while it ran is not listed', async () => {
  await storeJob(data(null, ''))
  await redis.lpush(keys.queue('active'), id)

  await find()

  expect(await redis.exists(keys.deadlines, keys.index('alice'))).toBe(0)
  expect(repaired).toEqual([])
})

const batchId = `batch-${id}`
const storeBatch = (end?: string) =>
  redis.hset(keys.batch(batchId), { about: data(null), ...(end === undefined ? {} : { end }) })

test.each([
  ['one that goes on', undefined, 'activeBatches', '1000'],
  ['one that has ended', '{}', 'endedBatches', expect.stringMatching(/^\d{13}$/)],
] as const)('a batch that is on no list is put back, and listed: %s', async (_what, end, list, score) => {
  await storeBatch(end)

  await find()

  expect(await redis.zscore(keys[list], batchId)).toEqual(score)
  expect(await redis.zscore(keys.batchIndex('alice'), batchId)).toBe('1000')
  expect(repaired.toSorted()).toEqual(['batch-listing', 'batch-place'])
  await find()
  expect(repaired).toHaveLength(2)
})

test('what is left of a batch without a record is removed', async () => {
  await redis.hset(keys.batchChunks(batchId), 0, '{}')
  await redis.hset(keys.batchDone(batchId), 0, '{}')

  await find()

  expect(await redis.exists(keys.batchChunks(batchId), keys.batchDone(batchId))).toBe(0)
  expect(repaired).toEqual(['batch'])
})

const chunkPart = (name: string) => keys.queue(name, chunkQueueName)

test('the job of a chunk that is in no list goes, so that it can be added anew, but for one that a worker has', async () => {
  await redis.hset(keys.batch(batchId), 'about', JSON.stringify({ owner: 'alice', createdAt: 1000 }))
  await redis.zadd(keys.activeBatches, 1000, batchId)
  await redis.zadd(keys.batchIndex('alice'), 1000, batchId)
  for (const work of ['plan', '0', '1', '2', '3', '4'])
    await redis.hset(chunkPart(`${batchId}-${work}`), 'data', '{}')
  await redis.rpush(chunkPart('wait'), `${batchId}-0`)
  await redis.rpush(chunkPart('active'), `${batchId}-1`)
  await redis.zadd(chunkPart('prioritized'), 1, `${batchId}-2`)
  await redis.zadd(chunkPart('delayed'), 1, `${batchId}-3`)
  await redis.set(chunkPart(`${batchId}-4:lock`), 'token')

  await find()

  expect(await redis.exists(chunkPart(`${batchId}-plan`))).toBe(0)
  expect(await redis.exists(...[0, 1, 2, 3, 4].map((work) => chunkPart(`${batchId}-${work}`)))).toBe(5)
  expect(repaired).toEqual(['chunk-job'])
})

test('a file is let go of by a batch that has no record, and stays for one that has', async () => {
  const other = 'batch-iris-00000000000000000000000002'
  await redis.hset(keys.batch(other), 'about', JSON.stringify({ owner: 'alice', createdAt: 1000 }))
  await redis.zadd(keys.activeBatches, 1000, other)
  await redis.zadd(keys.batchIndex('alice'), 1000, other)
  const { uses } = fileKeys(namespace)
  await redis.sadd(uses('file-x'), batchId, other, 'what a later release may have')

  await find()

  expect((await redis.smembers(uses('file-x'))).sort()).toEqual([other, 'what a later release may have'])
  expect(repaired).toEqual(['file-use'])
})
