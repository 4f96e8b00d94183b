import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { openTestPack } from '../../../../tests/support/open-pack.ts'
import { JsonText } from '../contract/json-text.ts'
import { modelKeys } from '../redis/names.ts'
import { areFinal, areKept } from './are-final.ts'
import { countWaiting } from './count-waiting.ts'
import { createOutcomeWriter } from './outcome-store.ts'
import { readOutcomes } from './read-outcomes.ts'
import { readPack } from './read-pack.ts'
import { readPredictionRecord } from './read-prediction-record.ts'

const namespace = `open-pack-test-${process.pid}`
const keys = modelKeys(namespace, 'iris')
const webhook = { url: 'http://receiver', events: ['completed' as const], payload: 'full' as const }
const outcome = (output: unknown) => ({
  status: 'succeeded' as const,
  output,
  error: null,
  startedAt: 1,
  completedAt: 2,
  predictMs: 3,
  batchSize: 4,
  attempts: 1,
})
let redis: Redis
let store: { redis: Redis; namespace: string }

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  store = { redis, namespace }
})
afterEach(() => leaveRedis(redis, namespace))

const dataOf = async (packId: string): Promise<unknown> =>
  JSON.parse((await redis.hget(keys.queue(packId), 'data')) ?? '')
const record = async (id = '') => {
  const found = await readPredictionRecord(store, 'iris', id)
  return found ?? undefined
}
const end = async (id = '', output: unknown = id) =>
  createOutcomeWriter(store).write(id, outcome(output), (await record(id))?.job ?? null)

test('a pack is one job, one entry in the listing and the rows of all its predictions', async () => {
  const { packId, ids } = await openTestPack(
    store,
    [{ input: { a: 1 } }, { input: [{ a: 2 }, { a: 3 }], deadline: 5000 }, { input: { a: 4 } }],
    { owner: 'alice', createdAt: 1000, priority: 'high' },
  )

  expect(await redis.zrange(keys.queue('prioritized'), '0', '-1')).toEqual([packId])
  expect(await dataOf(packId)).toEqual({
    model: 'iris',
    version: '1',
    digest: 'd',
    owner: 'alice',
    pack: 3,
    rows: 4,
    inputBytes: 7 + 17 + 7,
    priority: 'high',
    createdAt: 1000,
  })
  expect(await redis.hget(keys.queue(packId), 'name')).toBe('alice')
  expect(await redis.zrange(keys.index('alice'), '0', '-1', 'WITHSCORES')).toEqual([packId, '1000'])
  expect(await redis.zrange(keys.deadlines, '0', '-1', 'WITHSCORES')).toEqual([ids[1], '5000'])
  // beside the one that its job counts for
  expect(await redis.get(keys.extraRows)).toBe('3')
})

test('a pack that Redis runs too late is not there, and no prediction of it is ever run', async () => {
  const { packId, ids, opened } = await openTestPack(store, [{ input: 1 }, { input: 2 }], { latestAt: 1 })

  expect(opened).toEqual({ isLate: true })
  expect(await redis.exists(keys.pack(packId), keys.index('anonymous'), keys.extraRows)).toBe(0)
  expect(await readPack(store, packId, await dataOf(packId))).toEqual([])
  expect(await record(ids[0])).toBe(undefined)
})

const claimed = (name: string) => ({
  input: name,
  claim: { key: keys.claim(name), text: `claim of ${name}`, ttlMs: 60_000 },
})

test('keys are taken with the pack, and one whose key is taken is left out of it in every respect', async () => {
  await redis.set(keys.claim('b'), 'claim of another')

  const { packId, ids, opened } = await openTestPack(store, [
    { ...claimed('a'), input: [1, 2] },
    { ...claimed('b'), input: [1, 2, 3], deadline: 5000 },
    claimed('c'),
    { ...claimed('a'), input: [4] },
  ])

  expect(opened).toEqual({ isLate: false, leftOut: [ids[1], ids[3]] })
  expect(await redis.mget(['a', 'b', 'c'].map(keys.claim))).toEqual([
    'claim of a',
    'claim of another',
    'claim of c',
  ])
  expect(await redis.pttl(keys.claim('a'))).toBeGreaterThan(50_000)
  expect((await readPack(store, packId, await dataOf(packId))).map(({ id }) => id)).toEqual([ids[0], ids[2]])
  expect(await Promise.all(ids.map(async (id) => (await record(id))?.id))).toEqual([
    ids[0],
    undefined,
    ids[2],
    undefined,
  ])
  expect(await redis.exists(keys.deadlines)).toBe(0)
  expect(await redis.get(keys.extraRows)).toBe('2')
  for (const id of [ids[0], ids[2]]) await end(id)
  expect(await areFinal(store, 'iris', [packId])).toEqual([true])
  expect(Number(await redis.get(keys.extraRows))).toBe(0)
})

test('where all keys are taken there is no pack, and its job has nothing to run', async () => {
  await redis.set(keys.claim('a'), 'claim of another')

  const { packId, ids, opened } = await openTestPack(store, [claimed('a')])

  expect(opened).toEqual({ isLate: false, leftOut: ids })
  expect(await redis.exists(keys.pack(packId), keys.index('anonymous'), keys.extraRows)).toBe(0)
  expect(await readPack(store, packId, await dataOf(packId))).toEqual([])
})

test('a pack that Redis runs too late takes no keys', async () => {
  await openTestPack(store, [claimed('a')], { latestAt: 1 })

  expect(await redis.exists(keys.claim('a'))).toBe(0)
})

test('without its job there is no pack', async () => {
  // BullMQ stores a job by HMSET, and we a pack by HSET
  const user = `${namespace}-api`
  await redis.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all', '-hmset')
  const limited = new Redis(
    Object.assign(new URL(inject('redisUrl')), { username: user, password: 'secret' }).href,
  )

  const opening = openTestPack({ redis: limited, namespace }, [{ input: 1 }, { input: 2 }])
  await expect(opening).rejects.toThrow(/ACL failure in script|can't run this command/)

  limited.disconnect()
  await redis.call('ACL', 'DELUSER', user)
  expect(await redis.keys(`${namespace}:*:pack:*`)).toEqual([])
  expect(await redis.exists(keys.extraRows, keys.index('anonymous'))).toBe(0)
})

test('each prediction is read as if it were a job by itself', async () => {
  const { packId, ids } = await openTestPack(
    store,
    [
      { input: { a: 1 }, metadata: { b: 'c' }, webhook },
      { input: [2, 3], deadline: 9000 },
    ],
    { owner: 'alice', createdAt: 1000, keyId: 'key', replyTo: 'api' },
  )

  const [first, second] = [await record(ids[0]), await record(ids[1])]

  expect(first).toEqual({
    id: ids[0],
    input: { a: 1 },
    takenAt: null,
    outcome: null,
    line: { rank: 0, before: 0, waiting: 1, inHand: 0, extraRows: 2 },
    job: {
      model: 'iris',
      version: '1',
      digest: 'd',
      owner: 'alice',
      priority: 'normal',
      createdAt: 1000,
      keyId: 'key',
      replyTo: 'api',
      requestId: 'request-1',
      arrayLength: null,
      deadline: null,
      metadata: { b: 'c' },
      webhook,
      input: { a: 1 },
      inputBytes: 7,
      packId,
    },
  })
  expect(second?.job).toMatchObject({ requestId: 'request-2', arrayLength: 2, deadline: 9000, input: [2, 3] })
  expect(second?.job.webhook).toBe(undefined)
  expect(second?.line?.before).toBe(1)
})

test('the pack itself, and a number that it does not have, are no predictions', async () => {
  const { packId, ids } = await openTestPack(store, [{ input: 1 }])
  const beyond = (ids[0] ?? '').replace(/01$/, '02')

  expect(await record(packId)).toBe(undefined)
  expect(await record(beyond)).toBe(undefined)
  expect(await areKept(store, 'iris', [ids[0] ?? '', beyond])).toEqual([true, false])
})

test('predictions of a pack whose job is lost are gone, so that nobody waits for them', async () => {
  const { packId, ids } = await openTestPack(store, [{ input: 1 }, { input: 2 }])
  await redis.del(keys.queue(packId))

  expect(await record(ids[0])).toBe(undefined)
  expect(await areKept(store, 'iris', ids)).toEqual([false, false])
})

test('predictions in line behind packs have as many before them as those have without an outcome', async () => {
  const { ids } = await openTestPack(store, [{ input: 1 }, { input: 2 }, { input: 3 }])
  const behind = await openTestPack(store, [{ input: 4 }, { input: 5 }])
  await end(ids[1])

  expect((await record(behind.ids[1]))?.line).toMatchObject({ rank: 1, before: 3 })
  expect(await countWaiting(store, 'iris')).toBe(4)
})

test('of a long line the first packs are counted, and those behind them taken to be like them', async () => {
  for (let count = 0; count < 70; count++) await openTestPack(store, [{ input: 1 }, { input: 2 }])
  const { ids } = await openTestPack(store, [{ input: 3 }, { input: 4 }, { input: 5 }])

  expect((await record(ids[2]))?.line).toMatchObject({ rank: 70, before: 142 })
  expect(await countWaiting(store, 'iris')).toBe(142)
})

test('an outcome is written once, takes its rows off, and the last one those that its job stands for', async () => {
  const { packId, ids } = await openTestPack(store, [{ input: 1 }, { input: [2, 3] }, { input: 4 }])
  const all = [...ids, packId]

  const first = await end(ids[1], 'one')
  const again = await end(ids[1], 'another')

  expect([first.won, again.won]).toEqual([true, false])
  expect(again.outcome.output).toBe('one')
  expect(await redis.get(keys.extraRows)).toBe('1')
  expect(await areFinal(store, 'iris', all)).toEqual([false, true, false, false])
  const left = await readPack(store, packId, await dataOf(packId))
  expect(left.map(({ id, job }) => [id, job.input])).toEqual([
    [ids[0], new JsonText('1')],
    [ids[2], new JsonText('4')],
  ])

  await Promise.all([end(ids[0]), end(ids[2])])

  expect(await redis.get(keys.extraRows)).toBe('0')
  expect(await areFinal(store, 'iris', all)).toEqual([true, true, true, true])
  expect((await readOutcomes(store, 'iris', all)).map((one) => one?.output)).toEqual([
    ids[0],
    'one',
    ids[2],
    undefined,
  ])
  expect(await readPack(store, packId, await dataOf(packId))).toEqual([])
})

test('where a webhook was asked for the delivery is due with the outcome, once', async () => {
  const { ids } = await openTestPack(store, [{ input: 1, webhook }, { input: 2 }])

  await Promise.all(ids.map((id) => end(id)))
  await end(ids[0])

  expect(await redis.zrange(keys.undelivered, '0', '-1')).toEqual([ids[0]])
})

test('nothing is written into a pack that was swept', async () => {
  const { packId, ids } = await openTestPack(store, [{ input: 1 }, { input: 2, webhook }])
  const { job } = (await record(ids[1])) ?? {}
  await redis.del(keys.pack(packId), keys.queue(packId))

  const { won, outcome: stands } = await createOutcomeWriter(store).write(
    ids[1] ?? '',
    outcome('late'),
    job ?? null,
  )

  expect(won).toBe(false)
  expect(stands.output).toBe('late')
  expect(await redis.exists(keys.pack(packId), keys.outcome(ids[1] ?? ''), keys.undelivered)).toBe(0)
})

test('a long outcome has a key of its own, and is written once like any other', async () => {
  const { packId, ids } = await openTestPack(store, [{ input: 1 }, { input: 2 }])
  const long = 'x'.repeat(5000)

  await end(ids[0], long)
  const again = await end(ids[0], 'short')

  expect(again.won).toBe(false)
  expect(again.outcome.output).toBe(long)
  expect((await record(ids[0]))?.outcome?.output).toBe(long)
  expect(await areFinal(store, 'iris', ids)).toEqual([true, false])
  expect(await redis.hmget(keys.pack(packId), 'o01', 'long')).toEqual(['', '1'])
})

test('a prediction by itself may have an id that looks like that of a pack', async () => {
  const id = 'iris-0000000000000000000000AB00'
  await redis.set(keys.outcome(id), JSON.stringify(outcome('its own')))

  expect(await areFinal(store, 'iris', [id])).toEqual([true])
  expect((await readOutcomes(store, 'iris', [id]))[0]?.output).toBe('its own')
})
