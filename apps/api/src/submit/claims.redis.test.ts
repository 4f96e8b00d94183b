import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { createClaims } from './claims.ts'
import type { Claims } from './claims.ts'

const namespace = `claims-test-${process.pid}`
let redis: Redis
let now: number
let claims: Claims

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  now = 10_000
  claims = createClaims({ redis, namespace, clock: () => now, retentionMs: 60_000 })
})
afterEach(() => leaveRedis(redis, namespace))

test('a claim is for one, and for the next one when it is given up', async () => {
  const written = await claims.take('iris', 'a', 'f1')

  expect(written).not.toBe(null)
  expect(await claims.take('iris', 'a', 'f2')).toBe(null)
  expect(await claims.read('iris', 'a')).toEqual({ fingerprint: 'f1', at: 10_000, isAdded: false })

  await claims.release('iris', 'a', written ?? '')
  expect(await claims.read('iris', 'a')).toBe(null)
  expect(await claims.take('iris', 'a', 'f2')).not.toBe(null)
})

test('who was too slow gives up no claim that another took over, or whose prediction was added', async () => {
  const slow = await claims.take('iris', 'a', 'f1')
  now += 6000
  const taken = await claims.takeOver('iris', 'a', 'f1')

  await claims.release('iris', 'a', slow ?? '')
  expect(await claims.read('iris', 'a')).toEqual({ fingerprint: 'f1', at: 16_000, isAdded: false })

  await claims.markAdded('iris', 'a', 'f1')
  await claims.release('iris', 'a', taken)
  expect(await claims.read('iris', 'a')).toEqual({ fingerprint: 'f1', at: 16_000, isAdded: true })
})
