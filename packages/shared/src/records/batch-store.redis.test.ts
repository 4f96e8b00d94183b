import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { firstCursor, modelOfBatchId, toBatchId } from '../contract/batch-record.ts'
import type { BatchAbout, BatchCursor } from '../contract/batch-record.ts'
import { chunkQueueName, modelKeys } from '../redis/names.ts'
import { createBatchStore } from './batch-store.ts'
import type { BatchStore } from './batch-store.ts'

const namespace = `batch-store-test-${process.pid}`
const model = 'iris'
const id = toBatchId('iris-01M8385V83Q14TMRTXTM4VG0KW')
const other = toBatchId('iris-01M8385V83Q14TMRTXTM4VG0KX')
const third = toBatchId('iris-01M8385V83Q14TMRTXTM4VG0KY')
let redis: Redis
let store: BatchStore
let now: number

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  now = 1_700_000_000_000
  store = createBatchStore({ redis, namespace, clock: () => now })
})
afterEach(() => leaveRedis(redis, namespace))

const about: BatchAbout = {
  owner: 'alice',
  keyId: null,
  requestId: 'r',
  model,
  version: '1',
  digest: 'd',
  fingerprint: null,
  fileId: 'file-x',
  input: [{ name: 'batches/x/input', bytes: 100 }],
  storage: 's',
  inputFormat: 'jsonl',
  outputFormat: 'jsonl',
  idColumn: null,
  extraColumns: 'ignore',
  maxFailedRows: null,
  microBatchRows: 1024,
  priority: 'normal',
  metadata: {},
  webhook: null,
  createdAt: 1_700_000_000_000,
  deadline: 1_700_000_100_000,
  keptMs: 1000,
}
const chunkOf = (number: number) => ({
  offset: number * 10,
  length: 10,
  firstRow: number * 2,
  rows: 2,
  firstLine: 1 + number * 2,
})
const cursorAt = (chunk: number): BatchCursor => ({
  chunk,
  offset: chunk * 10,
  row: chunk * 2,
  line: 1 + chunk * 2,
})
const done = { rows: 2, failed: 0, bytes: 20, errorBytes: 0, crc: 7 }
/** Plans so many chunks, in one step. */
const planned = async (batchId: string, count: number, more: Partial<BatchAbout> = {}) => {
  await store.create(batchId, { ...about, ...more })
  const chunks = Array.from({ length: count }, (_, number) => chunkOf(number))
  await store.plan(batchId, {
    from: firstCursor,
    to: cursorAt(count),
    chunks,
    isPlanned: true,
    headerBytes: 0,
    rowMs: 2,
  })
}
const finish = (batchId: string, chunk: number, failed = 0) =>
  store.finish({ batchId, chunk, firstRow: chunk * 2 }, { ...done, failed })
const record = (batchId: string, more: Partial<BatchAbout> = {}) => ({
  id: batchId,
  about: { ...about, ...more },
})
const scorer = (window: number, { storage = 's', digests = ['d'] } = {}) => ({ window, storage, digests })
const places = (batchId: string, ...chunks: number[]) => chunks.map((chunk) => ({ batchId, chunk }))

test('an id says of which model its batch is, and is no prediction', () => {
  expect(modelOfBatchId(id)).toBe(model)
  expect(modelOfBatchId('iris-01M8385V83Q14TMRTXTM4VG0KW')).toBe(undefined)
  expect(modelOfBatchId('batch-')).toBe(undefined)
})

test('a batch is there once, and as it was asked for', async () => {
  expect(await store.create(id, about)).toBe('made')
  expect(await store.create(id, { ...about, owner: 'eve' })).toBe('known')

  expect(await store.read(id)).toEqual({
    id,
    about,
    counts: { rows: 0, doneRows: 0, failedRows: 0, chunks: 0, doneChunks: 0, bytes: 0, errorBytes: 0 },
    cursor: firstCursor,
    headerBytes: null,
    rowMs: null,
    footerBytes: null,
    startedAt: null,
    isPlanned: false,
    pace: null,
    end: null,
  })
  expect(await store.read(other)).toBe(null)
})

test.each([
  [
    'has completed',
    async () => {
      await planned(id, 0)
      await store.noteFooter(id, 0)
      await store.endIfDone(record(id))
    },
  ],
  ['has failed', () => store.end(record(id), { status: 'failed', error: null })],
  ['was canceled', () => store.end(record(id), { status: 'canceled', error: null })],
  ['has expired', () => store.end(record(id), { status: 'expired', error: null })],
  ['was removed', () => store.remove(record(id))],
  ['was lost by Redis', () => redis.del(modelKeys(namespace, model).batch(id))],
])('an owner has no more batches at once than he may, until one %s', async (_, end) => {
  const create = (batchId: string, owner = about.owner) =>
    store.create(batchId, { ...about, owner }, { maxActive: 1 })
  const mine = await Promise.all([create(id), create(other)])
  const known = await create(id)
  const ofEve = await create(third, 'eve')
  const before = await store.countActive(model, about.owner)

  await end()

  expect(mine.toSorted()).toEqual(['full', 'made'])
  expect([known, ofEve, before]).toEqual(['known', 'made', 1])
  expect(await store.countActive(model, about.owner)).toBe(0)
  expect(await store.countActive(model, 'eve')).toBe(1)
  expect(await create(other)).toBe('made')
})

test('a planner goes on where another one left off, and one that was frozen meanwhile changes nothing', async () => {
  await store.create(id, about)
  const first = {
    from: firstCursor,
    to: cursorAt(2),
    chunks: [chunkOf(0), chunkOf(1)],
    isPlanned: false,
    headerBytes: 9,
    rowMs: 2,
  }
  expect(await store.plan(id, first)).toBe(true)

  expect(await store.plan(id, first)).toBe(false)
  const last = {
    from: cursorAt(2),
    to: cursorAt(3),
    chunks: [chunkOf(2)],
    isPlanned: true,
    headerBytes: 9,
    rowMs: 3,
  }
  expect(await store.plan(id, last)).toBe(true)
  expect(await store.plan(id, last)).toBe(false)

  expect(await store.read(id)).toMatchObject({
    counts: { rows: 6, chunks: 3 },
    cursor: cursorAt(3),
    headerBytes: 9,
    rowMs: 2,
    startedAt: now,
    isPlanned: true,
  })
  expect(await store.readChunk({ batchId: id, chunk: 2 })).toEqual(chunkOf(2))
  expect(await store.readChunk({ batchId: id, chunk: 3 })).toBe(null)
})

test('each chunk counts once, however often it is scored, and a batch ends with the last one', async () => {
  await planned(id, 2)
  expect(await finish(id, 1, 1)).toBe(true)
  expect(await finish(id, 1, 1)).toBe(false)
  expect(await store.endIfDone(record(id))).toBe(null)

  expect(await finish(id, 0)).toBe(true)
  expect(await store.endIfDone(record(id))).toBe(null)
  await store.noteFooter(id, 0)
  now += 5
  const end = await store.endIfDone(record(id))

  expect(end).toEqual({ status: 'completed', error: null, completedAt: now })
  expect(await store.read(id)).toMatchObject({
    counts: { doneRows: 4, failedRows: 1, doneChunks: 2, bytes: 40 },
    end,
  })
  expect(await store.readDone(id, [0, 1, 2])).toEqual([done, { ...done, failed: 1 }, null])
})

test('it is not done while more is planned, and one without rows is done when that is known', async () => {
  await store.create(id, about)
  await store.plan(id, {
    from: firstCursor,
    to: cursorAt(1),
    chunks: [chunkOf(0)],
    isPlanned: false,
    headerBytes: 0,
    rowMs: 2,
  })
  await finish(id, 0)
  expect(await store.endIfDone(record(id))).toBe(null)

  await planned(other, 0)
  await store.noteFooter(other, 0)
  expect(await store.endIfDone(record(other))).toMatchObject({ status: 'completed' })
})

test('what the output ends with is noted when all is done, and not before', async () => {
  await planned(id, 2)
  await finish(id, 0)
  expect(await store.noteFooter(id, 9)).toBe(false)
  await finish(id, 1)
  expect(await store.noteFooter(id, 9)).toBe(true)
  expect(await store.read(id)).toMatchObject({ footerBytes: 9 })

  await redis.del(modelKeys(namespace, model).batchDone(id))
  await store.restartIfLost(id)
  // a worker that was frozen
  expect(await store.noteFooter(id, 9)).toBe(false)
  expect(await store.noteFooter(other, 9)).toBe(false)
  expect(await redis.exists(modelKeys(namespace, model).batch(other))).toBe(0)
})

test('a chunk whose part is gone is scored again, and counts once', async () => {
  await planned(id, 3)
  for (const chunk of [0, 1, 2]) await finish(id, chunk, 1)
  expect(await store.open(model, 'alice', scorer(9))).toEqual([])

  await store.reopen(id, [1])
  await store.reopen(id, [1])

  expect(await store.open(model, 'alice', scorer(9))).toEqual(places(id, 1))
  expect(await store.read(id)).toMatchObject({
    counts: { rows: 6, chunks: 3, doneChunks: 2, doneRows: 4, failedRows: 2, bytes: 40, errorBytes: 0 },
  })
  expect(await store.noteFooter(id, 0)).toBe(false)
  expect(await finish(id, 1, 1)).toBe(true)
  expect(await store.noteFooter(id, 0)).toBe(true)
  expect(await store.endIfDone(record(id))).toMatchObject({ status: 'completed' })

  await store.reopen(id, [0])
  expect(await store.read(id)).toMatchObject({ counts: { doneChunks: 3 } })
})

test('how a batch ended is written once', async () => {
  await planned(id, 1)
  const canceled = await store.end(record(id), { status: 'canceled', error: null })
  expect(await finish(id, 0)).toBe(false)
  now += 5

  expect(await store.endIfDone(record(id))).toEqual(canceled)
  expect(await store.end(record(id), { status: 'expired', error: null })).toEqual(canceled)
  expect(
    await store.plan(id, {
      from: cursorAt(1),
      to: cursorAt(2),
      chunks: [],
      isPlanned: true,
      headerBytes: 0,
      rowMs: 2,
    }),
  ).toBe(false)
  expect(await store.end(record(other), { status: 'canceled', error: null })).toBe(null)
})

test('more failed rows than it may have end a batch', async () => {
  await planned(id, 3, { maxFailedRows: 1 })
  await finish(id, 0, 1)
  expect(await store.endIfDone(record(id, { maxFailedRows: 1 }))).toBe(null)

  await finish(id, 2, 1)

  expect(await store.endIfDone(record(id, { maxFailedRows: 1 }))).toMatchObject({
    status: 'failed',
    error: { code: 'too_many_failed_rows' },
  })
})

test('an owner has one window for all its batches, the oldest first, whatever is done', async () => {
  await planned(id, 3)
  await planned(other, 3, { createdAt: about.createdAt + 1 })
  expect(await store.open(model, 'alice', scorer(4))).toEqual([...places(id, 0, 1, 2), ...places(other, 0)])

  await finish(id, 1)
  await finish(other, 0)
  expect(await store.open(model, 'alice', scorer(3))).toEqual([...places(id, 0, 2), ...places(other, 1)])
  await finish(id, 0)
  await finish(id, 2)
  expect(await store.open(model, 'alice', scorer(9))).toEqual(places(other, 1, 2))
  expect(await store.open(model, 'bob', scorer(9))).toEqual([])
})

test('a batch that an API of the release before made is for every worker', async () => {
  await planned(id, 2)
  await redis.hdel(modelKeys(namespace, model).batch(id), 'digest', 'storage')

  expect(await store.open(model, 'alice', scorer(9, { storage: 't', digests: ['e'] }))).toEqual(
    places(id, 0, 1),
  )
})

test('what a worker can not score takes no place in its window', async () => {
  await planned(id, 3)
  await planned(other, 3, { createdAt: about.createdAt + 1, digest: 'e', storage: 't' })

  expect(await store.open(model, 'alice', scorer(2))).toEqual(places(id, 0, 1))
  expect(await store.open(model, 'alice', scorer(2, { storage: 't', digests: ['d', 'e'] }))).toEqual(
    places(other, 0, 1),
  )
  expect(await store.open(model, 'alice', scorer(2, { storage: 't' }))).toEqual([])
})

test('what waits in the queue for a batch goes with it, but for what a worker has', async () => {
  const { queue } = modelKeys(namespace, model)
  const part = (name: string) => queue(name, chunkQueueName)
  const jobs = [`${id}-plan`, `${id}-0`, `${id}-1`, `${id}-2`, `${id}-3`, `${other}-0`]
  for (const job of jobs) await redis.hset(part(job), 'data', '{}')
  await redis.rpush(part('wait'), `${id}-plan`, `${other}-0`)
  await redis.zadd(part('prioritized'), 1, `${id}-0`)
  await redis.zadd(part('delayed'), 1, `${id}-1`)
  // of a worker that died, and of one that is alive
  await redis.rpush(part('active'), `${id}-2`, `${id}-3`)
  await redis.set(part(`${id}-3:lock`), 'token')

  expect(await store.clearJobs(id)).toBe(1)

  const left = await redis.keys(part(`*${model}-*`))
  expect(left.sort()).toEqual([part(`${id}-3`), part(`${id}-3:lock`), part(`${other}-0`)].sort())
  expect(await redis.lrange(part('wait'), 0, -1)).toEqual([`${other}-0`])
  expect(await redis.lrange(part('active'), 0, -1)).toEqual([`${id}-3`])
  expect(await redis.exists(part('prioritized'), part('delayed'))).toBe(0)
})

test('a batch that has ended has no chunks to do, and leaves those that are active', async () => {
  await planned(id, 2)

  await store.end(record(id), { status: 'canceled', error: null })

  expect(await store.open(model, 'alice', scorer(9))).toEqual([])
  expect(await redis.zrange(modelKeys(namespace, model).activeBatches, '0', '-1')).toEqual([])
})

test('its pace is told from moments that lie apart, up to now', async () => {
  const startedAt = now
  await planned(id, 5)
  const paceAfter = async (chunk: number, ms: number) => {
    now += ms
    await finish(id, chunk)
    return (await store.read(id))?.pace
  }

  expect(await paceAfter(0, 1000)).toEqual([startedAt, 0, startedAt, 0])
  expect(await paceAfter(1, 20_000)).toEqual([startedAt, 0, startedAt + 21_000, 4])
  expect(await paceAfter(2, 1000)).toEqual([startedAt, 0, startedAt + 21_000, 4])
  expect(await paceAfter(3, 20_000)).toEqual([startedAt + 21_000, 4, startedAt + 42_000, 8])
})

test('one that has ended is looked at when it does and when it is said so, and leaves nothing', async () => {
  await planned(id, 2)
  await planned(other, 1)
  await finish(id, 0)
  expect(await store.due(model)).toEqual([])
  await store.end(record(id), { status: 'canceled', error: null })
  expect(await store.due(model)).toEqual([id])

  await store.lookAgain(id, now + 10)
  expect(await store.due(model)).toEqual([])
  now += 10
  expect(await store.due(model)).toEqual([id])
  await store.remove(record(id))
  // a process that was frozen
  await store.lookAgain(id, now)

  expect(await store.read(id)).toBe(null)
  expect(await store.due(model)).toEqual([])
  expect(await store.active(model)).toEqual([other])
  const left = await redis.keys(`*${id}*`)
  expect(left).toEqual([])
  expect(await redis.zrange(modelKeys(namespace, model).batchIndex('alice'), '0', '-1')).toEqual([other])
})

test('an id without a record is taken off the lists', async () => {
  await planned(id, 1)
  await redis.del(modelKeys(namespace, model).batch(id))

  await store.forget(id)

  expect(await store.active(model)).toEqual([])
})

test.each(['batchChunks', 'batchDone'] as const)(
  'one of which Redis loses %s begins anew, and does not complete before',
  async (kind) => {
    await planned(id, 2)
    await finish(id, 0)
    expect(await store.restartIfLost(id)).toBe(false)

    await redis.del(modelKeys(namespace, model)[kind](id))
    await finish(id, 1)

    if (kind === 'batchDone') expect(await store.endIfDone(record(id))).toBe(null)
    expect(await store.restartIfLost(id)).toBe(true)
    expect(await store.read(id)).toMatchObject({
      about,
      counts: { rows: 0, chunks: 0, doneChunks: 0, doneRows: 0, bytes: 0 },
      cursor: firstCursor,
      isPlanned: false,
      end: null,
    })
    expect(await store.restartIfLost(id)).toBe(false)
  },
)

test('one that begins anew is cut as it was before', async () => {
  await planned(id, 2)
  await redis.del(modelKeys(namespace, model).batchChunks(id))

  expect(await store.restartIfLost(id)).toBe(true)

  expect(await store.read(id)).toMatchObject({ isPlanned: false, rowMs: 2 })
})

test('what was scored of a plan that is lost does not count for the next one', async () => {
  await planned(id, 2)
  await redis.del(modelKeys(namespace, model).batchChunks(id))
  const late = { batchId: id, chunk: 1, firstRow: 2 }
  expect(await store.finish(late, done)).toBe(false)
  await store.restartIfLost(id)

  const chunks = [
    { ...chunkOf(0), rows: 1 },
    { ...chunkOf(1), firstRow: 1, rows: 3 },
  ]
  await store.plan(id, {
    from: firstCursor,
    to: cursorAt(2),
    chunks,
    isPlanned: true,
    headerBytes: 0,
    rowMs: 2,
  })

  expect(await store.finish(late, done)).toBe(false)
  expect(await store.finish({ ...late, firstRow: 1 }, done)).toBe(false)
  expect(await store.read(id)).toMatchObject({ counts: { doneChunks: 0, doneRows: 0 } })
  expect(await store.finish({ ...late, firstRow: 1 }, { ...done, rows: 3 })).toBe(true)
})
