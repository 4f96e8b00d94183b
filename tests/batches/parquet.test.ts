import { parquetReadObjects } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createBatcher, parseLines } from './batcher.ts'
import type { Batcher } from './batcher.ts'

let stack: Stack
let batcher: Batcher

beforeAll(async () => {
  stack = await startStack({ models: [shippedModel('iris')] })
  batcher = createBatcher(stack.url)
})
afterAll(() => stack.close())

const names = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'] as const
const rows = 40_000
/** So many rows that they are several chunks, in row groups that end elsewhere. */
const valueOf = (row: number, column: number) => ((row * (column + 3)) % 70) / 10 + 0.1

const makeFile = () =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        {
          name: 'flower',
          type: 'INT32',
          data: Int32Array.from({ length: rows }, (_, row) => 1000 + row),
        },
        ...names.map((name, column) => ({
          name,
          type: 'DOUBLE' as const,
          data: Float64Array.from({ length: rows }, (_, row) => valueOf(row, column)),
        })),
      ],
      rowGroupSize: 15_000,
    }),
  )
const makeCsv = () =>
  `flower,${names.join(',')}\n` +
  Array.from(
    { length: rows },
    (_, row) => `${1000 + row},${names.map((_name, column) => valueOf(row, column)).join(',')}\n`,
  ).join('')

const readRows = async (id: string) => {
  const response = await fetch(`${stack.url}/v1/batches/${id}/output`)
  expect(response.headers.get('content-type')).toBe('application/vnd.apache.parquet')
  return parquetReadObjects({ file: await response.arrayBuffer() })
}

test('rows of a Parquet file become one of outputs, the same as those of other formats', async () => {
  const query = '?id_column=flower'
  const { status, body } = await batcher.submit('iris', makeFile(), { format: 'parquet', query })
  const early = await batcher.get(`/v1/batches/${body.id}/output`)
  const { body: fromCsv } = await batcher.submit('iris', makeCsv(), {
    format: 'csv',
    query: `${query}&output_format=jsonl`,
  })
  expect(status).toBe(202)
  expect(body).toMatchObject({ input_format: 'parquet', output_format: 'parquet' })
  expect(early).toMatchObject({ status: 409, body: { code: 'output_incomplete' } })

  const ended = await batcher.untilEnded(body.id)
  expect(ended).toMatchObject({ status: 'completed', counts: { total: rows, completed: rows, failed: 0 } })
  await batcher.untilEnded(fromCsv.id)

  const read = await readRows(body.id)
  const lines = parseLines(await batcher.output(fromCsv.id))
  expect(read).toHaveLength(rows)
  expect(lines).toHaveLength(rows)
  for (const row of [0, 1, 14_999, 15_000, 39_999]) {
    const { prediction, probabilities } = lines[row]
    expect(read[row]).toMatchObject({ row: BigInt(row), prediction, error_code: null })
    expect(Number(read[row]?.['id'])).toBe(1000 + row)
    expect(read[row]?.['probabilities.setosa']).toBeCloseTo(probabilities.setosa, 5)
  }
})

test('a file whose columns are of other types is told of once', async () => {
  const file = parquetWriteBuffer({
    columnData: names.map((name) => ({ name, type: 'STRING' as const, data: ['a', 'b'] })),
  })

  const { body } = await batcher.submit('iris', new Uint8Array(file), { format: 'parquet' })
  const ended = await batcher.untilEnded(body.id)

  expect(ended).toMatchObject({
    status: 'failed',
    error: { code: 'invalid_file', detail: expect.stringContaining('its column "sepal_length" is STRING') },
  })
})

test('an output without rows is a Parquet file, too', async () => {
  const { body } = await batcher.submit('iris', `${names.join(',')}\n`, {
    format: 'csv',
    query: '?output_format=parquet',
  })

  const ended = await batcher.untilEnded(body.id)

  expect(ended).toMatchObject({ status: 'completed', counts: { total: 0 } })
  expect(await readRows(body.id)).toEqual([])
})

test('what is said to be Parquet and is not is refused at once', async () => {
  const { status, body } = await batcher.submit('iris', 'a,b\n1,2\n', { format: 'parquet' })

  expect(status).toBe(422)
  expect(body).toMatchObject({ code: 'invalid_file', detail: expect.stringContaining('PAR1') })
})
