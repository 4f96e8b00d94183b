import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { modelKeys } from '@onqueue/shared'
import { startTestRedis } from '../../../../scripts/redis/start-test-redis.ts'
import { ModelLocks } from './model-locks.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `model-locks-test-${process.pid}`
const keyOf = (model: string) => modelKeys(namespace, model).janitor
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(() => leaveRedis(redis, namespace))

test('a model is locked for one at a time, and for that one again and again', async () => {
  const first = new ModelLocks({ redis, namespace }, 60_000)
  const second = new ModelLocks({ redis, namespace }, 60_000)

  expect(await first.lock(['iris'])).toEqual(['iris'])
  expect(await second.lock(['iris', 'minilm'])).toEqual(['minilm'])
  expect(await first.lock(['iris', 'minilm'])).toEqual(['iris'])
})

test('locking again makes the lock last longer', async () => {
  await new ModelLocks({ redis, namespace }, 60_000).lock(['iris'])
  const locks = new ModelLocks({ redis, namespace }, 60_000)
  await locks.lock(['minilm'])
  await redis.pexpire(keyOf('minilm'), 1000)

  await locks.lock(['minilm'])

  expect(await redis.pttl(keyOf('minilm'))).toBeGreaterThan(30_000)
})

test('the lock of a janitor that died gets free', async () => {
  await new ModelLocks({ redis, namespace }, 1).lock(['iris'])

  await expect.poll(() => new ModelLocks({ redis, namespace }, 60_000).lock(['iris'])).toEqual(['iris'])
})

test('releasing frees what was locked, and leaves alone what somebody else has taken since', async () => {
  const first = new ModelLocks({ redis, namespace }, 60_000)
  const second = new ModelLocks({ redis, namespace }, 60_000)
  await first.lock(['iris', 'minilm'])
  await redis.del(keyOf('minilm'))
  await second.lock(['minilm'])

  await first.release()

  expect(await redis.exists(keyOf('iris'))).toBe(0)
  expect(await second.lock(['iris', 'minilm'])).toEqual(['iris', 'minilm'])
})

test('in a Redis that is full every model is as good as locked', async () => {
  await using full = new AsyncDisposableStack()
  const server = await startTestRedis({ maxmemoryBytes: 1 })
  full.defer(() => server.close())
  const connection = new Redis(server.url)
  full.defer(() => connection.disconnect())

  const locked = await new ModelLocks({ redis: connection, namespace }, 60_000).lock(['iris', 'minilm'])

  expect(locked).toEqual(['iris', 'minilm'])
})
