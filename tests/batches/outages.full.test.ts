import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import { untilGone } from '../support/processes.ts'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { makeFlowers } from './flowers.ts'
import { unfinishedParts, untilWritten } from './unfinished-parts.ts'

/** What happens in the middle of a batch, and changes nothing of its output. */
let redis: TestRedis
let admin: Redis
let stack: Stack
let batcher: Batcher
let worker: StackProcess
let storage: string
let undisturbed: string

const flowers = makeFlowers(20_000)

beforeAll(async () => {
  storage = await mkdtemp(join(tmpdir(), 'onqueue-storage-'))
  redis = await startTestRedis()
  stack = await startStack({
    models: [shippedModel('iris')],
    redisUrl: redis.url,
    environment: { ONQUEUE_STORAGE: storage, ONQUEUE_BATCH_EXECUTORS: '1' },
  })
  admin = new Redis(redis.url, { maxRetriesPerRequest: null })
  batcher = createBatcher(stack.url)
  const [only] = stack.workers
  if (!only) throw new Error('the stack has no worker')
  worker = only
}, 150_000)
afterAll(async () => {
  // a test that failed may have left it frozen
  redis.signal('SIGCONT')
  admin.disconnect()
  await stack.close()
  await redis.close()
  await rm(storage, { recursive: true })
})

const submit = async () => {
  const { status, body } = await batcher.submit('iris', flowers.csv, {
    format: 'csv',
    query: '?id_column=name',
  })
  expect(status).toBe(202)
  return String(body.id)
}
/** Makes a batch, and has something happen in the middle of a part. */
const submitAndMeet = async (part: RegExp, happens: () => void) => {
  const met = untilWritten(storage, { part, bytes: 1 }, happens)
  const id = await submit()
  await met
  return id
}
const expectUndisturbed = async (id: string) => {
  const ended = await batcher.untilEnded(id, { timeoutMs: 90_000 })
  expect(ended).toMatchObject({
    status: 'completed',
    counts: { total: 20_000, completed: 20_000, failed: 0, pending: 0 },
  })
  expect((await batcher.output(id)) === undisturbed).toBe(true)
  expect(await batcher.errors(id)).toEqual([])
  await expect.poll(() => unfinishedParts(storage)).toEqual([])
}

test('a batch that nothing disturbs has a row for each row', { timeout: 150_000 }, async () => {
  const id = await submit()
  await batcher.untilEnded(id, { timeoutMs: 90_000 })
  undisturbed = await batcher.output(id)

  expect(undisturbed.trimEnd().split('\n')).toHaveLength(1 + 20_000)
})

test(
  'a batch goes on to the same bytes where Redis was frozen for longer than locks and heartbeats last',
  { timeout: 150_000 },
  async () => {
    const id = await submitAndMeet(/out~00000002/, () => redis.signal('SIGSTOP'))
    // there is no event of what does not happen
    await wait(20_000)
    redis.signal('SIGCONT')

    await expectUndisturbed(id)
  },
)

test(
  'a batch goes on to the same bytes where Redis had no room, and refused writes',
  { timeout: 150_000 },
  async () => {
    const isReady = async () => (await fetch(`${worker.url}/readyz`)).status
    const id = await submitAndMeet(/out~00000002/, () => void admin.config('SET', 'maxmemory', '1'))
    await expect.poll(isReady).toBe(503)
    await expect.poll(() => unfinishedParts(storage)).toEqual([])
    await admin.config('SET', 'maxmemory', String(256 * 1024 * 1024))

    await expectUndisturbed(id)
    await expect.poll(isReady).toBe(200)
  },
)

test(
  'a batch of which one of two workers is killed for good is ended by the other one, to the same bytes',
  { timeout: 150_000 },
  async () => {
    const other = await stack.startWorker()
    await expect.poll(async () => (await stack.client.get('/v1/models/iris')).body.workers).toBe(2)
    const id = await submitAndMeet(/out~0000000[2-9]/, () => worker.signal('SIGKILL'))
    await untilGone([worker.pid], { withinMs: 5000 })

    await expectUndisturbed(id)
    await other.stop()
  },
)
