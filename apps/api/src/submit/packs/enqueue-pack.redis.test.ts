import {
  connectProducer,
  createLogger,
  createOutcomeWriter,
  memberIdsOf,
  modelKeys,
  newPredictionId,
  packIdOf,
  readOutcomes,
  RedisCondition,
  untilReady,
} from '@onqueue/shared'
import type { PredictionQueues } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestRedis } from '../../../../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../../../../scripts/redis/start-test-redis.ts'
import { openPredictionQueues } from '../../redis/prediction-queues.ts'
import { AbandonedSubmits } from '../abandoned-submits.ts'
import { createEnqueuePack } from './enqueue-pack.ts'
import type { PackMembers } from './pack-submits.ts'

const namespace = `enqueue-pack-test-${process.pid}`
const keys = modelKeys(namespace, 'iris')
const log = createLogger({ service: 'test', level: 'silent' })
let server: TestRedis
let admin: Redis
let redis: Redis
let queues: PredictionQueues
let abandoned: AbandonedSubmits

beforeAll(async () => {
  server = await startTestRedis()
})
afterAll(() => server.close())
beforeEach(async () => {
  admin = new Redis(server.url)
  await admin.flushall()
  redis = connectProducer(server.url, { log, condition: new RedisCondition({ log }) })
  await untilReady(redis, AbortSignal.timeout(5000))
  queues = openPredictionQueues({ redis, namespace })
  await queues.open('iris').waitUntilReady()
  const store = { redis, namespace, clock: Date.now }
  abandoned = new AbandonedSubmits({ ...store, outcomes: createOutcomeWriter(store), log, intervalMs: 50 })
})
afterEach(async () => {
  server.signal('SIGCONT')
  await abandoned.close()
  await queues.close()
  redis.disconnect()
  admin.disconnect()
})

/** `aheadMs`: how far the clock is, by which a submit is judged, ahead of Redis' own. */
const enqueue = async ({ aheadMs = 0, adjust = () => {}, isKeyed = false } = {}) => {
  const packId = packIdOf(newPredictionId('iris', 1000))
  const [first = '', second = ''] = memberIdsOf(packId, 2)
  const job = {
    model: 'iris',
    version: '1',
    digest: 'd1',
    owner: 'alice',
    requestId: 'request',
    inputBytes: 2,
    arrayLength: null,
    priority: 'normal' as const,
    metadata: {},
    deadline: 9e15,
    webhook: { url: 'http://r', events: ['completed' as const], payload: 'full' as const },
    createdAt: 1000,
  }
  const members: PackMembers = [
    { id: first, job, inputText: '{}', claim: isKeyed ? claimOf(first) : undefined },
    { id: second, job, inputText: '{}', claim: isKeyed ? claimOf(second) : undefined },
  ]
  const enqueuePack = createEnqueuePack({
    redis,
    namespace,
    queues,
    redisClock: { earliest: () => Date.now() + aheadMs, adjust },
    abandoned,
  })
  return { packId, enqueued: enqueuePack(packId, members, 1) }
}

const claimOf = (id: string) => ({ key: keys.claim(id), text: id, ttlMs: 60_000 })

test('a pack is there when it was enqueued', async () => {
  const { packId, enqueued } = await enqueue()
  await enqueued

  expect(await admin.exists(keys.pack(packId), keys.queue(packId))).toBe(2)
})

test('one that Redis runs late is refused, leaves nothing to run, and has the clock looked at', async () => {
  let adjusted = 0
  const { packId, enqueued } = await enqueue({ aheadMs: -60_000, adjust: () => (adjusted += 1) })

  await expect(enqueued).rejects.toMatchObject({ code: 'queue_unavailable' })

  expect(await admin.exists(keys.pack(packId), keys.index('alice'), keys.deadlines)).toBe(0)
  expect(adjusted).toBe(1)
})

test('one that Redis was told of while it hung is never run, and canceled where it is there', async () => {
  // as a Redis that is slow, but not too late, would
  const { packId, enqueued } = await enqueue({ aheadMs: 60_000 })
  server.signal('SIGSTOP')
  await expect(enqueued).rejects.toThrow('max retries')

  server.signal('SIGCONT')

  const ids = memberIdsOf(packId, 2)
  await expect
    .poll(async () =>
      (await readOutcomes({ redis: admin, namespace }, 'iris', ids)).map((one) => one?.status),
    )
    .toEqual(['canceled', 'canceled'])
  expect(await admin.exists(keys.undelivered)).toBe(0)
})

test('those with idempotency keys that Redis was told of while it hung stay: who retries the submit finds them', async () => {
  const { packId, enqueued } = await enqueue({ aheadMs: 60_000, isKeyed: true })
  const unkeyed = await enqueue({ aheadMs: 60_000 })
  server.signal('SIGSTOP')
  await Promise.all([expect(enqueued).rejects.toThrow(), expect(unkeyed.enqueued).rejects.toThrow()])

  server.signal('SIGCONT')

  const statuses = async (id: string) =>
    (await readOutcomes({ redis: admin, namespace }, 'iris', memberIdsOf(id, 2))).map((one) => one?.status)
  await expect.poll(() => statuses(unkeyed.packId)).toEqual(['canceled', 'canceled'])
  expect(await statuses(packId)).toEqual([undefined, undefined])
  expect(await admin.exists(...memberIdsOf(packId, 2).map(keys.claim))).toBe(2)
})

test('while Redis is away it is refused at once', async () => {
  redis.disconnect()

  await expect(enqueue().then(({ enqueued }) => enqueued)).rejects.toMatchObject({
    code: 'queue_unavailable',
  })

  expect(await admin.keys('*:pack:*')).toEqual([])
})
