import { blankInterface, createLogger, globalKeys, modelKeys, readModel } from '@onqueue/shared'
import type { VersionCard } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { publishCards } from './publish-cards.ts'
import type { PublishedCards } from './publish-cards.ts'

const namespace = `publish-cards-test-${process.pid}`
const keys = modelKeys(namespace, 'iris')
let redis: Redis
let cards: PublishedCards
let found: string[]

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  found = []
  cards = publishCards({
    redis,
    namespace,
    clock: Date.now,
    model: 'iris',
    workerId: 'worker',
    log: createLogger({ service: 'test', level: 'silent' }),
    healthOf: () => ({ isHealthy: true, memoryBytes: 0, rowLimit: { rows: 1, reason: '' }, rowMs: 1 }),
    measurePace: () => ({ rowsPerSecond: 0, serviceMs: null }),
    events: { lossFound: (kind) => found.push(kind) },
  })
})
afterEach(async () => {
  cards.stop()
  await leaveRedis(redis, namespace)
})

const offered = { ...blankInterface, description: '', task: 'tensors', inputSchema: {}, outputSchema: {} }

const card = (digest: string, status: 'loading' | 'ready', version = '1'): VersionCard => ({
  model: 'iris',
  version,
  digest,
  generation: 0,
  status,
  reason: null,
  attempts: 1,
  interface: status === 'ready' ? offered : null,
})
const served = async () => {
  const { versions } = await readModel({ redis, namespace }, 'iris')
  return versions.map(({ version, card: { digest, generation, interface: loaded } }) => ({
    version,
    digest,
    generation,
    isLoaded: loaded !== null,
  }))
}

test('a heartbeat at the moment in which a version becomes ready does not take that back', async () => {
  for (let round = 0; round < 100; round++) {
    const digest = `digest-${round}`
    await Promise.all([
      cards.announce(card(digest, 'loading', String(round))),
      cards.beat(),
      cards.announce(card(digest, 'ready', String(round))),
      cards.beat(),
    ])
  }

  const all = await served()
  expect(all).toHaveLength(100)
  expect(all.filter(({ isLoaded }) => !isLoaded)).toEqual([])
})

test('what Redis has lost of a model comes back with the next heartbeat, in the order that it had', async () => {
  await cards.announce(card('old', 'ready'))
  await cards.announce(card('new', 'ready'))
  await cards.beat()
  const before = await served()
  await leaveNothing()

  await cards.beat()

  expect(before).toEqual([{ version: '1', digest: 'new', generation: 2, isLoaded: true }])
  expect(await served()).toEqual(before)
  expect(await redis.smembers(globalKeys(namespace).models)).toEqual(['iris'])
  expect(await redis.hget(keys.generations, '1')).toBe('2')
  expect(found).toEqual(['card', 'card'])
})

test('a definition that is new where the count of generations was lost is newer than all that are there', async () => {
  await cards.announce(card('first', 'ready'))
  await cards.announce(card('second', 'ready'))
  await redis.del(keys.generations)

  await cards.announce(card('third', 'ready'))
  await cards.beat()

  expect(await served()).toMatchObject([{ digest: 'third', generation: 3 }])
})

test('a version that was withdrawn is not brought back', async () => {
  await cards.announce(card('gone', 'ready'))
  cards.withdraw('gone')
  await leaveNothing()

  await cards.beat()

  expect(await served()).toEqual([])
})

const leaveNothing = async () => void (await redis.del(await redis.keys(`${namespace}:*`)))
