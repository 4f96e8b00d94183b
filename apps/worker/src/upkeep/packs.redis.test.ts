import {
  createLogger,
  createOutcomeWriter,
  createPredictionQueues,
  endedOutcome,
  modelKeys,
  readOutcomes,
  readPredictionRecord,
  undeliveredMember,
} from '@onqueue/shared'
import type { Outcome } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { openTestPack } from '../../../../tests/support/open-pack.ts'
import { clearEnded } from './clear-ended.ts'
import { createRowCorrection } from './correct-rows.ts'
import { endLost } from './end-lost.ts'
import { endOverdue } from './end-overdue.ts'
import { createLossFinder } from './find-losses.ts'
import { createSweeper } from './sweep.ts'
import type { Upkeep } from './upkeep.ts'

/** What the janitor does with packs. */
const namespace = `upkeep-of-packs-test-${process.pid}`
const keys = modelKeys(namespace, 'iris')
const log = createLogger({ service: 'test', level: 'silent' })
let redis: Redis
let upkeep: Upkeep
let repaired: string[]
let find: () => Promise<void>

beforeEach(() => {
  redis = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null })
  const store = { redis, namespace, clock: Date.now }
  const isClosed = () => false
  upkeep = {
    ...store,
    outcomes: createOutcomeWriter(store),
    queues: createPredictionQueues(store),
    log,
    isClosed,
  }
  repaired = []
  const onRepaired = (kind: string) => repaired.push(kind)
  const look = createLossFinder({ ...store, log, onRepaired, isClosed })
  find = async () => {
    // other tests have keys in this Redis too, so that a round may take several steps
    const steps = Math.ceil((await redis.dbsize()) / 500) + 2
    for (let step = 0; step < steps; step++) await look(['iris'])
  }
})
afterEach(async () => {
  await upkeep.queues.close()
  await leaveRedis(redis, namespace)
})

const webhook = { url: 'http://receiver', events: ['completed' as const], payload: 'full' as const }
const open = (members: Parameters<typeof openTestPack>[1], shared = {}) =>
  openTestPack({ redis, namespace }, members, { owner: 'alice', createdAt: 1000, ...shared })
const end = async (ids: (string | undefined)[], output: unknown = 1) => {
  for (const id of ids) {
    const record = await readPredictionRecord({ redis, namespace }, 'iris', id ?? '')
    await upkeep.outcomes.write(id ?? '', { ...succeeded, output }, record?.job ?? null)
  }
}
const succeeded: Outcome = {
  status: 'succeeded',
  output: 1,
  error: null,
  startedAt: 1,
  completedAt: 2,
  predictMs: 3,
  batchSize: 4,
  attempts: 1,
}
/** As BullMQ does. */
const place = async (packId: string, set: 'completed' | 'failed', at = 100) => {
  await redis.zrem(keys.queue('prioritized'), packId)
  await redis.zadd(keys.queue(set), at, packId)
}
const statusesOf = async (ids: string[]) =>
  (await readOutcomes({ redis, namespace }, 'iris', ids)).map((outcome) => outcome?.status)
const sweep = () => createSweeper({ redis, namespace, clock: Date.now }).sweep('iris', 1000)
/** Keys of predictions, and entries about them. */
const remains = async (packId: string, ids: string[]) => {
  const own = [keys.pack(packId), keys.queue(packId), ...ids.map(keys.outcome)]
  const entries = await Promise.all([
    redis.zcard(keys.index('alice')),
    redis.zcard(keys.deadlines),
    redis.zcard(keys.queue('completed')),
  ])
  return (await redis.exists(own)) + entries.reduce((sum, count) => sum + count, 0)
}

test('a finished pack is swept with all that belongs to it', async () => {
  const { packId, ids } = await open([{ input: 1, deadline: 5000 }, { input: 2 }, { input: 3 }])
  await end(ids.slice(0, 2), 'x'.repeat(5000))
  await end([ids[2]])
  await place(packId, 'completed')

  expect(await sweep()).toBe(1)

  expect(await remains(packId, ids)).toBe(0)
})

test.each(['completed', 'start', 'held'] as const)(
  'a pack of which a webhook still needs one prediction (%s) is kept whole',
  async (kind) => {
    const { packId, ids } = await open([{ input: 1 }, { input: 2, webhook }])
    await end(ids)
    await redis.del(keys.undelivered)
    await redis.zadd(keys.undelivered, 300, undeliveredMember[kind](ids[1] ?? ''))
    await place(packId, 'completed')

    expect(await sweep()).toBe(1)

    expect(await redis.hlen(keys.pack(packId))).toBe(4 + 1 + 2 * 3)
    expect(await sweep()).toBe(0)
  },
)

test('a pack that BullMQ gave up on is swept when all of it has ended, and not before', async () => {
  const { packId, ids } = await open([{ input: 1 }, { input: 2 }])
  await end([ids[0]])
  await place(packId, 'failed')

  expect(await sweep()).toBe(0)
  await end([ids[1]])
  expect(await sweep()).toBe(1)
})

test('the predictions of a pack whose workers were lost fail, but for those that had ended', async () => {
  const { packId, ids } = await open([{ input: 1 }, { input: 2 }, { input: 3 }])
  await end([ids[1]])
  await place(packId, 'failed')

  await endLost(upkeep, 'iris')

  expect(await statusesOf(ids)).toEqual(['failed', 'succeeded', 'failed'])
  expect(await redis.zrange(keys.queue('completed'), '0', '-1')).toEqual([packId])
})

test('one whose deadline passed expires, and its pack is cleared away when nothing of it waits any more', async () => {
  const { packId, ids } = await open([{ input: 1, deadline: 5 }, { input: 2 }])

  await endOverdue(upkeep, 'iris')
  await clearEnded(upkeep, 'iris')

  expect(await statusesOf(ids)).toEqual(['expired', undefined])
  expect(await redis.exists(keys.deadlines)).toBe(0)
  expect(await redis.zrange(keys.queue('prioritized'), '0', '-1')).toEqual([packId])

  const canceled = endedOutcome('canceled', { code: 'canceled', detail: 'by its owner', now: 1 })
  const record = await readPredictionRecord({ redis, namespace }, 'iris', ids[1] ?? '')
  await upkeep.outcomes.write(ids[1] ?? '', canceled, record?.job ?? null)
  const job = await upkeep.queues.open('iris').getJob(packId)
  await job?.changePriority({ priority: 0, lifo: true })
  await clearEnded(upkeep, 'iris')

  expect(await redis.zrange(keys.queue('completed'), '0', '-1')).toEqual([packId])
})

test('the last of a pack to expire moves it to the front, to be cleared away', async () => {
  const { packId, ids } = await open([
    { input: 1, deadline: 5 },
    { input: 2, deadline: 6 },
  ])

  await endOverdue(upkeep, 'iris')

  expect(await statusesOf(ids)).toEqual(['expired', 'expired'])
  expect(await redis.lrange(keys.queue('wait'), 0, -1)).toEqual([packId])
})

test('a count of rows that is wrong is put right by the rows of packs that have not ended', async () => {
  const { ids } = await open([{ input: 1 }, { input: [2, 3, 4] }, { input: 5 }])
  await open([{ input: 6 }])
  await end([ids[0]])
  await redis.set(keys.extraRows, 77)
  const { correct } = createRowCorrection({ redis, namespace, onRepaired: (kind) => repaired.push(kind) })

  await correct('iris')
  await correct('iris')

  expect(await redis.get(keys.extraRows)).toBe('3')
  expect(repaired).toEqual(['rows'])
})

test('a pack in its place is left alone, its long outcomes included', async () => {
  const { ids } = await open([{ input: 1 }, { input: 2 }])
  await end([ids[0]], 'x'.repeat(5000))

  await find()

  expect(repaired).toEqual([])
  expect(await redis.pttl(keys.outcome(ids[0] ?? ''))).toBe(-1)
})

test('a pack without its place in the queue waits again, listed and with its deadlines', async () => {
  const { packId, ids } = await open([
    { input: 1, deadline: 9000 },
    { input: 2, deadline: 8000 },
  ])
  await end([ids[1]])
  await redis.del(keys.queue('prioritized'), keys.index('alice'), keys.deadlines)

  await find()

  expect(await redis.zrange(keys.queue('prioritized'), '0', '-1')).toEqual([packId])
  expect(await redis.zrange(keys.index('alice'), '0', '-1', 'WITHSCORES')).toEqual([packId, '1000'])
  expect(await redis.zrange(keys.deadlines, '0', '-1', 'WITHSCORES')).toEqual([ids[0], '9000'])
  expect(repaired.toSorted()).toEqual(['deadline', 'listing', 'place'])
})

test('a pack that a release completed which reads none waits again, for those that have not ended', async () => {
  const { packId, ids } = await open([{ input: 1 }, { input: 2 }])
  await end([ids[0]])
  await place(packId, 'completed')

  await find()

  expect(await redis.zrange(keys.queue('prioritized'), '0', '-1')).toEqual([packId])
  expect(await redis.exists(keys.queue('completed'))).toBe(0)
  expect(repaired).toEqual(['place'])
})

test('one of which all has ended is swept in its time', async () => {
  const { packId, ids } = await open([{ input: 1 }])
  await end(ids)
  await redis.del(keys.queue('prioritized'))

  await find()

  expect(await redis.zscore(keys.queue('completed'), packId)).not.toBe(null)
})

test('a completed job without its pack is removed, and told of where there was one', async () => {
  const lost = await open([{ input: 1 }])
  const late = await open([{ input: 1 }], { latestAt: 1 })
  await redis.del(keys.pack(lost.packId))
  for (const { packId } of [lost, late]) await place(packId, 'completed')

  await find()

  expect(await redis.exists(keys.queue(lost.packId), keys.queue(late.packId), keys.index('alice'))).toBe(0)
  expect(repaired).toEqual(['outcome'])
})

test('a pack without its job goes by itself', async () => {
  const { packId } = await open([{ input: 1 }])
  await redis.del(keys.queue(packId))

  await find()

  expect(await redis.pttl(keys.pack(packId))).toBeGreaterThan(3_500_000)
  expect(repaired).toEqual(['record'])
})

test('a prediction whose long outcome is lost is gone, and those beside it stay', async () => {
  const { ids } = await open([{ input: 1 }, { input: 2 }])
  await end(ids, 'x'.repeat(5000))
  await redis.del(keys.outcome(ids[0] ?? ''))

  await find()

  const records = await Promise.all(ids.map((id) => readPredictionRecord({ redis, namespace }, 'iris', id)))
  expect(records.map((record) => record?.outcome?.status)).toEqual([undefined, 'succeeded'])
  expect(repaired).toContain('outcome')
})
