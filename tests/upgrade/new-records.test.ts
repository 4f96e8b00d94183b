import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { fillRedis } from './fill-redis.ts'
import { isShortLived } from './leave-some.ts'
import { readRecords } from './record-files.ts'
import { shapesOf } from './record-shapes.ts'
import { recordSettings } from './record-stack.ts'
import { listRedis } from './redis-listing.ts'
import { fixtures } from './start-upgrade.ts'

/**
 * What today's records have beyond those of the latest fixture: lines of `shapesOf`, each with why a release that does not
 * know it can do without. A release reads what another wrote with schemas that ignore unknown fields; what it can't ignore
 * (another key, type or word, a field that is gone) has no place here. See docs/upgrade.md.
 */
const additions: string[] = [
  // how long a prediction takes: without it the time until one is done is reckoned from the rate alone
  ':{<model>}:worker:<uuid> string that expires.serviceMs number',
  ':{<model>}:worker:<uuid> string that expires.serviceMs is not in all',
  // which API key submitted it: without it the link to the events is bound to none, as that release makes it
  ':{<model>}:predictions:<prediction> hash data.keyId null',
  ':{<model>}:predictions:<prediction> hash data.keyId string',
  ':{<model>}:predictions:<prediction> hash data.keyId is not in all',
  // who is there and what he reads: a release that has no such heartbeats is noticed by what it listens to
  ':processes set <uuid>',
  ':process:<uuid> string that expires object',
  ':process:<uuid> string that expires.app string',
  ':process:<uuid> string that expires.reads array',
  ':process:<uuid> string that expires.reads[] string',
]

let stack: Stack

beforeAll(async () => {
  stack = await startStack({ models: [], workers: 0, environment: recordSettings })
})
afterAll(() => stack.close())

test('records of today are such as the release before can read, after a roll-back or beside this one', async () => {
  const [latest = ''] = fixtures.toSorted((a, b) => numberOf(b) - numberOf(a))
  const places = {
    prefix: 'old',
    up: 'http://127.0.0.1:1',
    down: 'http://127.0.0.1:2',
    paused: 'http://127.0.0.1:3',
  }
  const { redis } = await readRecords(join(import.meta.dirname, latest), places)

  const { shortLived, messages } = await fillRedis(stack)
  const listing = await listRedis(stack.redis, stack.prefix)

  const stored = Object.entries(listing).filter(([key, { ttlMs }]) => !isShortLived(key, ttlMs))
  const keys = { ...Object.fromEntries(stored), ...shortLived }
  const today = shapesOf({ keys, messages }, stack.prefix)
  const before = shapesOf({ keys: { ...redis.keys, ...redis.shortLived }, messages: redis.messages }, 'old')
  expect(before.length).toBeGreaterThan(200)
  expect(today.filter((shape) => !additions.includes(shape))).toEqual(before.filter(isOfThisProcessor))
})

const numberOf = (fixture: string) => Number(fixture.slice('records-'.length))

/** The fixture is made on x86-64, and tests/models/README.md says why nothing crashes elsewhere. */
const isOfThisProcessor = (shape: string) => process.arch === 'x64' || !shape.includes('executor_crashed')
