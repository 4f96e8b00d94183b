import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { modelKeys, undeliveredMember } from '@onqueue/shared'
import { startTestRedis } from '../../../../scripts/redis/start-test-redis.ts'
import { createSweeper } from './sweep.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `remove-finished-test-${process.pid}`
const keys = modelKeys(namespace, 'iris')
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(() => leaveRedis(redis, namespace))

/** A finished prediction of alice with all that it may have, as BullMQ and the other processes leave it. */
const finish = async (id: string, { at = 100, as = 'completed', hasOutcome = true } = {}) => {
  await redis.hset(keys.queue(id), { name: 'alice', data: '{}' })
  await redis.rpush(`${keys.queue(id)}:logs`, 'a line')
  if (hasOutcome) await redis.set(keys.outcome(id), '{}')
  await redis.set(keys.input(id), '[1, 2, 3]')
  await redis.zadd(keys.index('alice'), 50, id)
  await redis.zadd(keys.deadlines, 200, id)
  await redis.zadd(keys.queue(as), at, id)
}
const everything = async () => (await redis.keys(`${namespace}:*`)).sort()
const sweep = () => createSweeper({ redis, namespace, clock: Date.now }).sweep('iris', 1000)

test('a finished prediction goes with its job, logs, outcome, large input, and entries in listing and deadlines', async () => {
  await finish('a')

  const handled = await sweep()

  expect(handled).toBe(1)
  expect(await everything()).toEqual([])
})

test('what is there of others stays', async () => {
  await finish('a')
  await finish('b', { at: 1000 })
  const before = await everything()

  await sweep()

  expect(await redis.zrange(keys.queue('completed'), '0', '-1')).toEqual(['b'])
  expect(await redis.zrange(keys.index('alice'), '0', '-1')).toEqual(['b'])
  expect(await redis.zrange(keys.deadlines, '0', '-1')).toEqual(['b'])
  expect(await everything()).toEqual(before.filter((key) => !key.endsWith(':a') && !key.endsWith(':a:logs')))
})

test('one whose job is gone already goes with the rest', async () => {
  await finish('a')
  await redis.del(keys.queue('a'))

  const handled = await sweep()

  expect(handled).toBe(1)
  // whose listing it is in says only the job
  expect(await everything()).toEqual([keys.index('alice')])
})

test('one that failed goes when it has an outcome', async () => {
  await finish('a', { as: 'failed' })

  const handled = await sweep()

  expect(handled).toBe(1)
  expect(await everything()).toEqual([])
})

test('one that failed without an outcome is left for the janitor to end', async () => {
  await finish('a', { as: 'failed', hasOutcome: false })
  const before = await everything()

  const handled = await sweep()

  expect(handled).toBe(0)
  expect(await everything()).toEqual(before)
  expect(await redis.zscore(keys.queue('failed'), 'a')).toBe('100')
})

test('one that completed goes without an outcome too', async () => {
  await finish('a', { hasOutcome: false })

  const handled = await sweep()

  expect(handled).toBe(1)
  expect(await everything()).toEqual([])
})

test.each(['completed', 'start', 'held'] as const)(
  'one that a webhook still needs (%s) is kept whole, and goes to the end of the line',
  async (kind) => {
    await finish('a')
    await redis.zadd(keys.undelivered, 300, undeliveredMember[kind]('a'))
    const before = await everything()
    const now = Date.now()

    const handled = await sweep()

    expect(handled).toBe(1)
    expect(await everything()).toEqual(before)
    expect(Number(await redis.zscore(keys.queue('completed'), 'a'))).toBeGreaterThanOrEqual(now)
    expect(await sweep()).toBe(0)
  },
)

test('one that failed and is needed by a webhook stays where the janitor looks for it', async () => {
  await finish('a', { as: 'failed', hasOutcome: false })
  await redis.zadd(keys.undelivered, 300, undeliveredMember.start('a'))
  const before = await everything()

  await sweep()

  expect(await everything()).toEqual(before)
  expect(await redis.zscore(keys.queue('failed'), 'a')).toBe('100')
  expect(await redis.exists(keys.queue('completed'))).toBe(0)
})

test('the oldest two hundred go at once, and the rest at the next call', async () => {
  const ids = Array.from({ length: 250 }, (_, index) => `id-${index}`)
  await redis.zadd(keys.queue('completed'), ...ids.flatMap((id, index) => [index, id]))

  const first = await sweep()
  const left = await redis.zrange(keys.queue('completed'), '0', '0')
  const second = await sweep()

  expect([first, second, await sweep()]).toEqual([200, 50, 0])
  expect(left).toEqual(['id-200'])
})

test('in a Redis that is full, one that a webhook still needs does not hold up the others', async () => {
  await using full = new AsyncDisposableStack()
  const server = await startTestRedis()
  full.defer(() => server.close())
  const shared = redis
  redis = new Redis(server.url)
  full.defer(() => {
    redis.disconnect()
    redis = shared
  })
  await finish('a', { at: 100 })
  await finish('b', { at: 200 })
  await redis.zadd(keys.undelivered, 300, 'a')
  await redis.config('SET', 'maxmemory', '1')

  const handled = await sweep()

  expect(handled).toBe(2)
  expect(await redis.zrange(keys.queue('completed'), '0', '-1')).toEqual(['a'])
})
