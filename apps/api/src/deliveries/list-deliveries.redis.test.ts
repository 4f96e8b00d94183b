import { createDeliveryStore } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import type { ListCursor } from '../http/list-cursor.ts'
import { createListDeliveries } from './list-deliveries.ts'

const namespace = `list-deliveries-test-${process.pid}`
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(() => leaveRedis(redis, namespace))

test.each([1, 2, 5])('paged by %i each delivery comes once, whatever its id is', async (limit) => {
  const deliveries = createDeliveryStore({ redis, namespace, clock: () => 1000 })
  const list = createListDeliveries({ redis, namespace, deliveries })
  // two of a millisecond, and ids that a pack could have
  const times = { 'wh-a-00': 900, 'wh-b-01': 900, 'wh-c-00': 901, 'wh-d-00': 902 }
  for (const [id, createdAt] of Object.entries(times)) {
    const about = {
      owner: 'alice',
      predictionId: null,
      event: 'webhook.test',
      url: 'https://receiver.example/hook',
      createdAt,
      holdsPrediction: false,
    } as const
    await deliveries.create(id, about, '{}')
  }

  const ids: string[] = []
  let cursor: ListCursor | undefined
  for (let pages = 0; pages < 6; pages++) {
    const page = await list({ owner: 'alice', status: undefined, since: undefined, limit, cursor })
    ids.push(...page.results.map(({ id }) => id))
    if (page.next === null) break
    cursor = page.next
  }

  expect(ids).toEqual(['wh-d-00', 'wh-c-00', 'wh-b-01', 'wh-a-00'])
})
