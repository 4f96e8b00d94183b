import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { Client } from '../support/client.ts'
import { root, startStack } from '../support/stack.ts'
import { fillRedis } from './fill-redis.ts'
import type { Message } from './fill-redis.ts'
import { isShortLived } from './leave-some.ts'
import { readAnswers } from './read-answers.ts'
import { readRecords, writeRecords } from './record-files.ts'
import { shapesOf } from './record-shapes.ts'
import { recordSettings } from './record-stack.ts'
import { listRedis } from './redis-listing.ts'
import type { Listing } from './redis-listing.ts'
import { until } from './until.ts'

// Makes a fixture for old-records.test.ts: the folder records-2, say, of the release that is checked out and installed
// in another folder, or else of this one.
//
//   node scripts/bootstrap.mjs run tests/upgrade/make-records.ts records-2 [checkout]

/** Found in no other text. */
const prefix = 'prefix-of-old-records'

const makeRecords = async (name: string, checkout: string) => {
  const git = await promisify(execFile)('git', ['-C', checkout, 'rev-parse', '--short', 'HEAD'])
  const redis = await startTestRedis()
  const stack = await startStack({
    redisUrl: redis.url,
    models: [],
    workers: 0,
    prefix,
    checkout,
    environment: recordSettings,
  })
  try {
    const { predictions, clients, origins, shortLived, messages } = await fillRedis(stack)
    const list = () => listRedis(stack.redis, prefix)
    await until('what dead processes left has expired', async () => isQuiet(await list()))
    await until('no worker is heard of', () => isIdle(stack.client))
    const answers = await readAnswers(clients, predictions)
    const records = {
      redis: {
        madeAt: Date.now(),
        commit: git.stdout.trim(),
        keys: await list(),
        shortLived,
        messages: oneOfEach(messages),
      },
      answers: { submitted: Object.fromEntries(predictions), ...answers },
    }
    const folder = join(import.meta.dirname, name)
    const places = { prefix, ...origins }
    await mkdir(folder, { recursive: true })
    await writeRecords(folder, records, places)
    assert.deepEqual(await readRecords(folder, places, records.redis.madeAt), records)
  } finally {
    await stack.close()
    await redis.close()
  }
}

/** Nothing is about to go by itself, and all deliveries are due: so it is the same however much later it is restored. */
const isQuiet = (listing: Listing) =>
  Object.entries(listing).every(([key, entry]) => {
    if (isShortLived(key, entry.ttlMs)) return false
    return entry.type !== 'hash' || Number(entry.value['nextAt'] ?? 0) < Date.now()
  })

const isIdle = async (client: Client) => {
  const { body } = await client.get('/v1/models')
  return body.results.every(({ workers }: { workers: number }) => workers === 0)
}

const oneOfEach = (messages: Message[]) => [
  ...new Map(messages.map((one) => [shapesOf({ keys: {}, messages: [one] }, prefix).join(), one])).values(),
]

const [name, checkout = root] = process.argv.slice(2)
if (name === undefined || !/^records-\d+$/.test(name)) throw new Error('name a folder, such as records-2')
await makeRecords(name, resolve(checkout))
