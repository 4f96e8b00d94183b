import { appendFile, mkdtemp, rm, truncate } from 'node:fs/promises'
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
