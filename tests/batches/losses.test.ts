import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileContentName, modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { makeFlowers } from './flowers.ts'
import { untilWritten } from './unfinished-parts.ts'

let stack: Stack
let batcher: Batcher
let storage: string

const flowers = makeFlowers(8_000)

beforeAll(async () => {
  storage = await mkdtemp(join(tmpdir(), 'onqueue-storage-'))
  stack = await startStack({
    models: [shippedModel('iris')],
    environment: { ONQUEUE_STORAGE: storage, ONQUEUE_BATCH_EXECUTORS: '1' },
  })
  batcher = createBatcher(stack.url)
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

test.each(['batchChunks', 'batchDone'] as const)(
  'a batch of which Redis loses %s in the middle has all its rows in the end',
  async (kind) => {
    const ended = await endWith(({ id }) => stack.redis.del(modelKeys(stack.prefix, 'iris')[kind](id)))

    expect(ended).toMatchObject({ status: 'completed', counts: { total: 8000, completed: 8000, failed: 0 } })
    const [, ...lines] = (await batcher.output(ended.id)).trimEnd().split('\n')
    expect(lines.map((line) => Number(line.split(',', 1)[0]))).toEqual(flowers.rows.map((_, row) => row))
  },
)

test('a batch whose input is removed by hand in the middle fails with a sentence', async () => {
  const ended = await endWith(({ input_file: file }) =>
    rm(join(storage, 'objects', fileContentName(file)), { force: true }),
  )

  expect(ended).toMatchObject({
    status: 'failed',
    error: { code: 'invalid_file', detail: 'its file is not in the storage any more' },
  })
})
