import { mkdtemp, rm } from 'node:fs/promises'
import { readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorsPartName, headerName, outputPartName } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { makeFlowers } from './flowers.ts'
import { unfinishedParts, untilWritten } from './unfinished-parts.ts'

let stack: Stack
let batcher: Batcher
let storage: string

const rows = 20_000
const { csv } = makeFlowers(rows)
/** Every 1,000th is bad, so that each chunk has a part of errors. */
const flowers = csv
  .split('\n')
  .map((line, index) => (index % 1000 === 500 ? `${line},more` : line))
  .join('\n')

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

const submit = async (format = 'csv'): Promise<string> => {
  const query = `?id_column=name&output_format=${format}`
  const { body } = await batcher.submit('iris', flowers, { format: 'csv', query })
  return body.id
}
const fileOf = (name: string) => join(storage, 'objects', name)
/** Submits, and has something happen to the batch of which others are known, when it has written three parts. */
const submitAnd = async (format: string, known: string[], act: (id: string) => void) => {
  const written = untilWritten(storage, { part: /out~00000003/, bytes: 1 }, () =>
    act(readdirSync(fileOf('batches')).find((id) => !known.includes(id)) ?? 'none'),
  )
  const id = await submit(format)
  await written
  return id
}
const scoredAgain = () => (stack.workers[0]?.log() ?? '').split('their chunks are scored again').length - 1

let whole: { id: string; output: string; errors: string }

test('parts that are removed before the end of a batch are made again, and no row is missing or counted twice', async () => {
  const undisturbed = await submit()
  await batcher.untilEnded(undisturbed)

  const id = await submitAnd('csv', [undisturbed], (batch) => {
    rmSync(fileOf(headerName(batch)))
    rmSync(fileOf(outputPartName(batch, 0)))
    rmSync(fileOf(errorsPartName(batch, 1)))
    truncateSync(fileOf(outputPartName(batch, 2)), 1000)
  })
  const ended = await batcher.untilEnded(id)

  expect(scoredAgain()).toBe(1)
  expect(ended).toMatchObject({
    status: 'completed',
    counts: { total: rows, completed: rows - rows / 1000, failed: rows / 1000, pending: 0 },
  })
  const output = await batcher.output(id)
  const { text: errors } = await batcher.get(`/v1/batches/${id}/errors`)
  expect(output === (await batcher.output(undisturbed))).toBe(true)
  expect(errors).toBe((await batcher.get(`/v1/batches/${undisturbed}/errors`)).text)
  expect(ended.output_file.bytes).toBe(Buffer.byteLength(output))
  expect(ended.errors_file.bytes).toBe(Buffer.byteLength(errors))
  expect(unfinishedParts(storage)).toEqual([])
  whole = { id, output, errors }
})

test('a Parquet output of which a part was removed is whole, too', async () => {
  const undisturbed = await submit('parquet')
  await batcher.untilEnded(undisturbed)

  const known = readdirSync(fileOf('batches'))
  const id = await submitAnd('parquet', known, (batch) => rmSync(fileOf(outputPartName(batch, 1))))
  await batcher.untilEnded(id)

  const bytesOf = async (of: string) =>
    Buffer.from(await (await fetch(`${stack.url}/v1/batches/${of}/output`)).arrayBuffer())
  expect(scoredAgain()).toBe(2)
  expect((await bytesOf(id)).equals(await bytesOf(undisturbed))).toBe(true)
})

test('an output of which a part is gone after the end is an error, and never a shorter file', async () => {
  const { id, output } = whole
  const read = (headers: Record<string, string> = {}) => batcher.get(`/v1/batches/${id}/output`, headers)
  const sizeOf = (chunk: number) => Buffer.byteLength(output) - chunk

  rmSync(fileOf(outputPartName(id, 3)))
  await expect(read()).rejects.toThrow()
  const tail = await read({ range: `bytes=${sizeOf(100)}-` })
  rmSync(fileOf(headerName(id)))
  const early = await read()

  expect(tail).toMatchObject({ status: 206, text: output.slice(-100) })
  expect(early).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } })
})
