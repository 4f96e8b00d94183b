import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chunkQueueName, modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signalAll } from '../support/processes.ts'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { makeFlowers } from './flowers.ts'
import { batchExecutorsOf, untilWritten } from './unfinished-parts.ts'

/** Batches whose workers are gone, or have something else than these need. */
let stack: Stack
let batcher: Batcher
let worker: StackProcess
let storage: string
let otherStorage: string
/** digest of the version before it is changed */
let digest: string

const flowers = makeFlowers(8_000)
const patienceMs = 1000

beforeAll(async () => {
  storage = await mkdtemp(join(tmpdir(), 'onqueue-storage-'))
  otherStorage = await mkdtemp(join(tmpdir(), 'onqueue-other-storage-'))
  stack = await startStack({
    models: [shippedModel('iris')],
    environment: {
      ONQUEUE_STORAGE: storage,
      ONQUEUE_BATCH_EXECUTORS: '1',
      ONQUEUE_WORKER_GRACE: '1s',
      ONQUEUE_VERSION_PATIENCE: `${patienceMs / 1000}s`,
    },
  })
  batcher = createBatcher(stack.url)
  const [only] = stack.workers
  if (!only) throw new Error('the stack has no worker')
  worker = only
  ;({ digest } = await readVersion())
})
afterAll(async () => {
  await stack.close()
  await rm(storage, { recursive: true })
  await rm(otherStorage, { recursive: true })
})

const submit = async () => {
  const submitted = await batcher.submit('iris', flowers.csv, { format: 'csv', query: '?id_column=name' })
  expect(submitted).toMatchObject({ status: 202 })
  return String(submitted.body.id)
}
/** Makes a batch. Resolves in the middle of its second chunk. */
const submitAndBegin = async () => {
  const written = untilWritten(storage, { part: /out~00000001/, bytes: 1 })
  const id = await submit()
  await written
  return id
}
const untilWaiting = async (id: string, reason: string) => {
  const read = async () => (await batcher.get(`/v1/batches/${id}`)).body
  await expect.poll(async () => String((await read()).reason), { interval: 20 }).toContain(reason)
}
const readVersion = async () => (await stack.client.get('/v1/models/iris')).body.versions[0]
/** Until the version of a digest, or another one, is ready and served. */
const untilServed = (isWanted: (digest: string) => boolean) =>
  expect
    .poll(
      async () => {
        const version = await readVersion()
        return version.status === 'ready' && isWanted(version.digest)
      },
      { interval: 20, timeout: 40_000 },
    )
    .toBe(true)
/** Starts a worker of what there was in the beginning, and waits until that is served. */
const startWorker = async (environment?: Record<string, string>) => {
  const started = await stack.startWorker(environment)
  await untilServed((served) => served === digest)
  return started
}
const jobsOf = (id: string) =>
  stack.redis.keys(modelKeys(stack.prefix, 'iris').queue(`${id}-*`, chunkQueueName))

const versionGone = {
  status: 'failed',
  reason: null,
  error: {
    code: 'version_gone',
    detail: 'no worker has version 1 as it was when this was submitted; submit it again',
  },
}

test('a batch whose version is taken from all workers in the middle fails, and one of the version after it goes on', async () => {
  const old = await submitAndBegin()
  signalAll(batchExecutorsOf(worker.pid), 'SIGSTOP')
  const changed = await stack.modelsFolder([shippedModel('iris')])
  await appendFile(join(changed, 'iris/model.yaml'), '# changed\n')
  const next = await stack.startWorker({ ONQUEUE_MODELS_DIR: changed })
  await untilServed((served) => served !== digest)
  const completed = await batcher.untilEnded(await submit())
  expect((await batcher.get(`/v1/batches/${old}`)).body).toMatchObject({
    status: 'in_progress',
    reason: null,
  })

  signalAll(batchExecutorsOf(worker.pid), 'SIGCONT')
  await worker.stop()
  await untilWaiting(old, 'no live worker has version 1 as it was')
  const ended = await batcher.untilEnded(old)
  await next.stop()
  worker = await startWorker()

  expect(completed).toMatchObject({ status: 'completed', counts: { completed: 8000 } })
  expect(ended).toMatchObject(versionGone)
  const [, ...rows] = (await batcher.output(old)).trimEnd().split('\n')
  expect(rows.length).toBeGreaterThan(0)
  await expect.poll(() => jobsOf(old)).toEqual([])
})

test('a batch whose model loses its last worker fails, and nothing waits in the queue for it', async () => {
  const id = await submitAndBegin()
  await worker.stop()

  const ended = await batcher.untilEnded(id)

  expect(ended).toMatchObject(versionGone)
  await expect.poll(() => jobsOf(id)).toEqual([])
})

test('a batch waits for a worker that has its storage, and one that has another takes no chunk', async () => {
  await worker.stop()
  const elsewhere = await startWorker({ ONQUEUE_STORAGE: otherStorage })
  const id = await submit()
  await untilWaiting(id, 'its files are in another storage')
  const { body: card } = await stack.client.get('/v1/models/iris')
  const readiness = () => fetch(`${elsewhere.url}/readyz`)
  // when it has loaded its model
  await expect.poll(async () => (await readiness()).status).toBe(200)
  const reasons = await (await readiness()).text()

  // which takes longer than a batch waits for its version
  worker = await stack.startWorker()
  const ended = await batcher.untilEnded(id)

  expect(Date.parse(ended.started_at) - Date.parse(ended.created_at)).toBeGreaterThan(patienceMs)
  expect(ended).toMatchObject({ status: 'completed', reason: null, counts: { completed: 8000 } })
  expect(card.warnings).toEqual([expect.stringMatching(/^1 of 1 workers have another storage/)])
  expect(reasons).toContain('other processes have another storage')
  const log = elsewhere.log()
  expect(log.match(/batches wait for a worker that has the storage of their files/g)).toHaveLength(1)
  expect(log).not.toContain('put off')
})
