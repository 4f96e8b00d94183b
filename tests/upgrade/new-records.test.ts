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
  // which storage of files it has: without it nobody says that two processes have different ones
  ':process:<uuid> string that expires.storage string',
  ':process:<uuid> string that expires.storage is not in all',
  // how long a prediction takes: without it the time until one is done is reckoned from the rate alone
  ':{<model>}:worker:<uuid> string that expires.serviceMs number',
  ':{<model>}:worker:<uuid> string that expires.serviceMs is not in all',
  // how many rows run together at present: without it the card says nothing of that
  ':{<model>}:worker:<uuid> string that expires.versions[].rowLimit object',
  ':{<model>}:worker:<uuid> string that expires.versions[].rowLimit.reason string',
  ':{<model>}:worker:<uuid> string that expires.versions[].rowLimit.rows number',
  ':{<model>}:worker:<uuid> string that expires.versions[].rowLimit is not in all',
  // that it sends outcomes to who waits: the release before listens to notices, which are sent as well
  ':{<model>}:worker:<uuid> string that expires.sendsReplies boolean',
  // what a row takes at present: without it nobody makes packs
  ':{<model>}:worker:<uuid> string that expires.versions[].rowMs number',
  ':{<model>}:worker:<uuid> string that expires.versions[].rowMs is not in all',
  // that it takes packs: while a worker does not say so nobody makes any
  ':{<model>}:worker:<uuid> string that expires.readsPacks boolean',
  // which storage a worker has: without it that is found out with the first chunk of a batch
  ':{<model>}:worker:<uuid> string that expires.storage string',
  ':{<model>}:worker:<uuid> string that expires.storage is not in all',
  // who waits for the outcome: a worker of the release before sends notices alone, and an API that finds none of these workers
  // listens to them
  ':{<model>}:predictions:<prediction> hash data.replyTo string',
  ':{<model>}:predictions:<prediction> hash data.replyTo is not in all',
  // how it ended, to who waits: the release before has no such channel and names none in its jobs
  ':replies:<process> message <prediction>',
  ':replies:<process> message outcome object',
  ':replies:<process> message outcome.attempts number',
  ':replies:<process> message outcome.batchSize number',
  ':replies:<process> message outcome.completedAt time',
  ':replies:<process> message outcome.error null',
  ':replies:<process> message outcome.output anything',
  ':replies:<process> message outcome.predictMs number',
  ':replies:<process> message outcome.startedAt time',
  ':replies:<process> message outcome.status "succeeded"',
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
