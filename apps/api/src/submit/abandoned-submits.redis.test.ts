import { createOutcomeWriter, modelKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { AbandonedSubmits } from './abandoned-submits.ts'
import type { AbandonedSubmit } from './abandoned-submits.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `abandoned-submits-test-${process.pid}`
const keys = modelKeys(namespace, 'iris')
const [first, second, third] = [
  'iris-01J00000000000000000000001',
  'iris-01J00000000000000000000002',
  'iris-01J00000000000000000000003',
]
let redis: Redis
let logged: Record<string, unknown>[]
let submits: AbandonedSubmits

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  logged = []
})
afterEach(async () => {
  await submits.close()
  await leaveRedis(redis, namespace)
})

const start = (options: { maxRemembered?: number } = {}) => {
  submits = new AbandonedSubmits({
    redis,
    namespace,
    clock: Date.now,
    outcomes: createOutcomeWriter({ redis, namespace }),
    log: pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) }),
    intervalMs: 5,
    ...options,
  })
  return submits
}
const abandoned = (id: string, changes: Partial<AbandonedSubmit> = {}): AbandonedSubmit => ({
  id,
  model: 'iris',
  owner: 'alice',
  rows: 3,
  isPack: false,
  sentAt: 0,
  ...changes,
})
/** As the guard script leaves it. */
const list = async (id: string) => {
  await redis.zadd(keys.index('alice'), 1000, id)
  await redis.zadd(keys.deadlines, 5000, id)
  await redis.incrby(keys.extraRows, 2)
}
const isListed = async (id: string) => (await redis.zscore(keys.index('alice'), id)) !== null

test('one whose job was added is canceled, and its rows are taken off the backlog', async () => {
  await list(first)
  await redis.hset(keys.queue(first), 'data', '{}')

  start().add(abandoned(first))

  await expect.poll(() => redis.get(keys.extraRows)).toBe('0')
  expect(JSON.parse((await redis.get(keys.outcome(first))) ?? 'null')).toMatchObject({
    status: 'canceled',
    error: {
      code: 'canceled',
      detail: 'the queue did not answer when it was submitted, and its caller was told so',
    },
  })
  expect(await isListed(first)).toBe(true)
})

test('one that was listed and has no job is taken off again', async () => {
  await list(first)
  await list(second)

  start().add(abandoned(first))

  await expect.poll(() => redis.get(keys.extraRows)).toBe('2')
  expect(await redis.zrange(keys.index('alice'), '0', '-1')).toEqual([second])
  expect(await redis.zrange(keys.deadlines, '0', '-1')).toEqual([second])
  expect(await redis.exists(keys.outcome(first))).toBe(0)
})

test('one that never reached Redis leaves nothing there, and is looked at once', async () => {
  await list(second)
  start().add(abandoned(first))
  submits.add(abandoned(second))

  await expect.poll(() => isListed(second)).toBe(false)
  await submits.close()

  expect(await redis.exists(keys.outcome(first), keys.index('alice'))).toBe(0)
  expect(logged).toEqual([])
})

test('one whose guard script might still be in time is left alone, and told of at the end', async () => {
  await list(first)
  await list(second)
  start().add(abandoned(first, { sentAt: performance.now() + 60_000 }))
  submits.add(abandoned(second))

  await expect.poll(() => isListed(second)).toBe(false)
  await submits.close()

  expect(await isListed(first)).toBe(true)
  expect(logged).toMatchObject([{ submits: 1, msg: 'closed before abandoned submits could be canceled' }])
})

test('of too many the oldest is forgotten', async () => {
  for (const id of [first, second, third]) await list(id)
  start({ maxRemembered: 2 })
  for (const id of [first, second, third]) submits.add(abandoned(id))

  await expect.poll(() => redis.zrange(keys.index('alice'), '0', '-1')).toEqual([first])
})
