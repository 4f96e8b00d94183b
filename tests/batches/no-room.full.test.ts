import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chunkQueueName, globalKeys, modelKeys, modelPrefix } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { makeFlowers } from './flowers.ts'
import { batchExecutorsOf, unfinishedParts, untilWritten } from './unfinished-parts.ts'

let stack: Stack
let batcher: Batcher
let worker: StackProcess
let storage: string

const rows = 8000
const { csv } = makeFlowers(rows)
const slowRows = 200
/** Chunks of eleven rows, each of which takes half a second. */
const slow = `n.0,name\n${Array.from({ length: slowRows }, () => `500,${'x'.repeat(100_000)}\n`).join('')}`

beforeAll(async () => {
  storage = await mkdtemp(join(tmpdir(), 'onqueue-storage-'))
  stack = await startStack({
    models: [
      shippedModel('iris'),
      { name: 'slow', of: 'slow', settings: 'example: { n: [1] }\ninstances: 1\ntimeout_s: 30\n' },
    ],
    workers: 0,
    environment: { ONQUEUE_STORAGE: storage, ONQUEUE_BATCH_EXECUTORS: '1' },
  })
  batcher = createBatcher(stack.url)
})
afterAll(async () => {
  await stack.close()
  await rm(storage, { recursive: true })
})

const submit = async (model: string, content: string): Promise<string> => {
  const { body } = await batcher.submit(model, content, { format: 'csv' })
  return body.id
}
const rowsOf = async (id: string) => (await batcher.output(id)).trimEnd().split('\n').slice(1)

/** What a process may write into one file (setrlimit(2)): more is an error as of a disk that is full. */
const limitFiles = (pids: number[], bytes: number | 'unlimited') =>
  Promise.all(pids.map((pid) => promisify(execFile)('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`])))

test('a batch waits while there is no room in the storage, says why, and goes on when there is', async () => {
  const crowded = await stack.startWorker({ ONQUEUE_STORAGE_MIN_FREE_BYTES: String(2 ** 52) })
  await stack.client.untilReady(2)
  const id = await submit('iris', csv)
  await expect.poll(() => crowded.log()).toContain('there is no room in the storage')
  expect((await batcher.get(`/v1/batches/${id}`)).body).toMatchObject({
    status: 'validating',
    completed_at: null,
  })
  await crowded.stop()

  worker = await stack.startWorker()
  const ended = await batcher.untilEnded(id)

  expect(ended).toMatchObject({ status: 'completed', counts: { total: rows, completed: rows, failed: 0 } })
})

test('a batch waits while the disk of its storage is not mounted, and goes on when it is', async () => {
  const written = untilWritten(storage, { part: /slow.*out~00000001/, bytes: 0 })
  const id = await submit('slow', `${slow.split('\n', 31).join('\n')}\n`)
  await written

  await rename(storage, `${storage}~`)
  await mkdir(storage)
  await expect.poll(() => worker.log()).toContain('is its disk mounted?')
  await rm(storage, { recursive: true })
  await rename(`${storage}~`, storage)
  const ended = await batcher.untilEnded(id)

  expect(ended).toMatchObject({ status: 'completed', counts: { total: 30, completed: 30, failed: 0 } })
  expect(await rowsOf(id)).toHaveLength(30)
})

test.skipIf(process.platform !== 'linux')(
  'a write that fails in the middle of a part is tried again, accuses no row and leaves nothing',
  async () => {
    const undisturbed = await submit('iris', csv)
    await batcher.untilEnded(undisturbed)
    const pids = [worker.pid, ...batchExecutorsOf(worker.pid)]
    await limitFiles(pids, 50_000)

    const id = await submit('iris', csv)
    await expect.poll(() => worker.log()).toContain('EFBIG')
    await expect.poll(() => unfinishedParts(storage)).toEqual([])
    await limitFiles([worker.pid, ...batchExecutorsOf(worker.pid)], 'unlimited')
    const ended = await batcher.untilEnded(id)

    expect(ended).toMatchObject({ status: 'completed', counts: { total: rows, completed: rows, failed: 0 } })
    expect(worker.log()).not.toContain('batch executor died')
    expect((await batcher.output(id)) === (await batcher.output(undisturbed))).toBe(true)
  },
)

test('a batch whose time is over expires: what is done of it stays, and nothing else of it is done', async () => {
  const { batch } = modelKeys(stack.prefix, 'slow')
  const queue = `${modelPrefix(stack.prefix, 'slow')}:${chunkQueueName}`
  const written = untilWritten(storage, { part: /slow.*out~00000002/, bytes: 0 })
  const id = await submit('slow', slow)
  await written

  // as if it had been made long ago; who looks every ten seconds is told to look now
  const about = JSON.parse((await stack.redis.hget(batch(id), 'about')) ?? '')
  await stack.redis.hset(batch(id), 'about', JSON.stringify({ ...about, deadline: about.createdAt }))
  await stack.redis.publish(globalKeys(stack.prefix).batchNotices, 'slow')
  const ended = await batcher.untilEnded(id)

  expect(ended).toMatchObject({ status: 'expired', error: null, counts: { total: slowRows, failed: 0 } })
  await expect.poll(() => stack.redis.keys(`${queue}:${id}-*`)).toEqual([])
  await expect.poll(() => unfinishedParts(storage)).toEqual([])
  const done = await rowsOf(id)
  expect(done.length).toBeGreaterThanOrEqual(22)
  expect(done).toHaveLength(ended.counts.completed)
  expect(done.length).toBeLessThan(slowRows / 2)
  expect(done.map((line) => line.split(',', 2).join())).toEqual(done.map((_, row) => `${row},500`))
  // beside the header, and what was under way then
  const parts = readdirSync(join(storage, 'objects', 'batches', id, 'out'))
  expect(parts.length).toBeLessThanOrEqual(1 + done.length / 11 + 1)
  // the executor is of use to others
  const next = await submit('slow', 'n.0\n1\n')
  await batcher.untilEnded(next)
  expect(await rowsOf(id)).toEqual(done)
})
