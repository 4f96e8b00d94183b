import { appendFile, mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chunkQueueName, fileContentName, fileKeys, modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createUploader } from '../files/uploader.ts'
import type { Uploader } from '../files/uploader.ts'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { makeFlowers } from './flowers.ts'
import { untilWritten } from './unfinished-parts.ts'

let stack: Stack
let batcher: Batcher
let uploader: Uploader
let storage: string

const flowers = makeFlowers(8_000)

beforeAll(async () => {
  storage = await mkdtemp(join(tmpdir(), 'onqueue-storage-'))
  stack = await startStack({
    models: [shippedModel('iris')],
    environment: { ONQUEUE_STORAGE: storage, ONQUEUE_BATCH_EXECUTORS: '1' },
  })
  batcher = createBatcher(stack.url)
  uploader = createUploader(stack.url)
})
afterAll(async () => {
  await stack.close()
  await rm(storage, { recursive: true })
})

const submit = async () => {
  const { body } = await batcher.submit('iris', flowers.csv, { format: 'csv', query: '?id_column=name' })
  return body
}

/** Makes a batch, and has something happen in the middle of its second chunk. Resolves to the batch when it has ended. */
const endWith = async (happens: (batch: { id: string; input_file: string }) => Promise<unknown>) => {
  const written = untilWritten(storage, { part: /out~00000001/, bytes: 1 })
  const batch = await submit()
  await written
  await happens(batch)
  return batcher.untilEnded(batch.id)
}

let undisturbed: string

test('a batch of which nothing is lost has all its rows', async () => {
  const batch = await submit()
  const ended = await batcher.untilEnded(batch.id)
  undisturbed = await batcher.output(ended.id)

  const [, ...lines] = undisturbed.trimEnd().split('\n')
  expect(lines.map((line) => Number(line.split(',', 1)[0]))).toEqual(flowers.rows.map((_, row) => row))
})

const lists = ['wait', 'active', 'prioritized', 'delayed', 'marker', 'pc', 'meta', 'id', 'stalled', 'events']

/** What goes on without what Redis loses: what is to be deleted of a batch, as patterns. */
const losses: [string, (keys: ReturnType<typeof modelKeys>, id: string) => string[]][] = [
  ['its plan', (keys, id) => [keys.batchChunks(id)]],
  ['what is done', (keys, id) => [keys.batchDone(id)]],
  ['its places in lists', ({ activeBatches, batchIndex }) => [activeBatches, batchIndex('*')]],
  ['the lists of its chunks', ({ queue }) => lists.map((part) => queue(part, chunkQueueName))],
  ['the jobs of its chunks', ({ queue }, id) => [queue(`${id}-*`, chunkQueueName)]],
  ['all of the queue of chunks', ({ queue }) => [queue('*', chunkQueueName)]],
  ['the use of its file', () => [fileKeys(stack.prefix).uses('*')]],
]

const lose = async (...patterns: string[]) => {
  const keys = (await Promise.all(patterns.map((pattern) => stack.redis.keys(pattern)))).flat()
  return keys.length === 0 ? 0 : stack.redis.del(keys)
}
const keysOfIris = () => modelKeys(stack.prefix, 'iris')

test.each(losses)(
  'a batch of which Redis loses %s in the middle has all its rows in the end',
  async (_, of) => {
    const ended = await endWith(({ id }) => lose(...of(keysOfIris(), id)))

    expect(ended).toMatchObject({ status: 'completed', counts: { total: 8000, completed: 8000, failed: 0 } })
    expect((await batcher.output(ended.id)) === undisturbed).toBe(true)
    expect((await batcher.get('/v1/batches')).body.results[0].id).toBe(ended.id)
    await expect.poll(() => stack.redis.keys(keysOfIris().queue(`${ended.id}-*`, chunkQueueName))).toEqual([])
  },
)

test('a batch whose record Redis loses in the middle is gone with all of it, and its file can be deleted', async () => {
  const written = untilWritten(storage, { part: /out~00000001/, bytes: 1 })
  const { id, input_file: file } = await submit()
  await written
  await lose(keysOfIris().batch(id))

  const answers = [await batcher.get(`/v1/batches/${id}`), await batcher.get(`/v1/batches/${id}/output`)]
  expect(answers.map(({ status }) => status)).toEqual([404, 404])
  const listed = (await batcher.get('/v1/batches')).body.results.map((batch: { id: string }) => batch.id)
  expect(listed).not.toContain(id)
  await expect.poll(() => stack.redis.keys(`*:${id}*`)).toEqual([])
  await expect.poll(async () => (await uploader.remove(file)).status).toBe(204)
  expect(await stack.redis.keys(fileKeys(stack.prefix).uses(file))).toEqual([])
})

test('of a batch that had ended it is said that its parts can not be read where Redis lost them', async () => {
  const { id } = await batcher.untilEnded((await submit()).id)
  await lose(keysOfIris().batchDone(id), keysOfIris().batchChunks(id), keysOfIris().endedBatches)

  const [output, errors] = [
    await batcher.get(`/v1/batches/${id}/output`),
    await batcher.get(`/v1/batches/${id}/errors`),
  ]

  expect([output, errors].map(({ status, body }) => [status, body.code])).toEqual([
    [410, 'result_expired'],
    [410, 'result_expired'],
  ])
  expect((await batcher.get(`/v1/batches/${id}`)).body.status).toBe('completed')
  await expect.poll(() => stack.redis.zscore(keysOfIris().endedBatches, id)).not.toBe(null)
})

test.each([
  ['removed', 'is not in the storage any more', (path: string) => rm(path, { force: true })],
  ['cut off', 'was changed in the storage: it has 9 bytes in place of', (path: string) => truncate(path, 9)],
  ['added to', 'was changed in the storage', (path: string) => appendFile(path, 'x'.repeat(9))],
] as const)(
  'a batch whose input is %s by hand in the middle fails with a sentence',
  async (_, why, change) => {
    const ended = await endWith(({ input_file: file }) =>
      change(join(storage, 'objects', fileContentName(file))),
    )

    expect(ended).toMatchObject({
      status: 'failed',
      error: { code: 'invalid_file', detail: expect.stringContaining(`its file ${why}`) },
    })
  },
)
