import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ColumnReader } from './column-reader.ts'
import { fileColumn, namedColumns } from './file-columns.ts'
import { HeldMemory } from './held-memory.ts'
import { openParquet } from './open-parquet.ts'
import { asFile, readFixture } from './parquet-file.fixture.ts'

const expected = z
  .record(z.string(), z.array(z.unknown()))
  .parse(JSON.parse(readFixture('expected.json').toString()))

const written = [
  'pyarrow',
  'pyarrow-pages',
  'pyarrow-v2',
  'pyarrow-none',
  'pyarrow-encodings',
  'pandas',
  'polars',
  'duckdb',
]

const openColumns = async (bytes: Buffer) => {
  const file = await openParquet(asFile(bytes))
  return { file, named: namedColumns(file).filter(({ name }) => name in expected) }
}

/** Rows of a column, so many at a time. */
const readColumn = async (
  { file, named }: Awaited<ReturnType<typeof openColumns>>,
  name: string,
  {
    firstRow = 0,
    rows = file.rows - firstRow,
    atOnce = rows,
    maxBytes,
  }: { firstRow?: number; rows?: number; atOnce?: number; maxBytes?: number } = {},
) => {
  const column = named.find((one) => one.name === name)
  if (!column) throw new Error(`no column ${name}`)
  const held = new HeldMemory(maxBytes)
  const reader = new ColumnReader({ file, column: fileColumn(file, column), held, firstRow })
  const cells: unknown[] = []
  while (cells.length < rows) cells.push(...(await reader.take(Math.min(atOnce, rows - cells.length))))
  return cells
}

test.each(written)('columns of all types are read as %s wrote them', async (name) => {
  const columns = await openColumns(readFixture(`${name}.parquet`))

  const cells: Record<string, unknown[]> = {}
  for (const column of columns.named) cells[column.name] = await readColumn(columns, column.name)

  const names = columns.named.map((column) => column.name)
  expect(names.length).toBeGreaterThan(15)
  expect(cells).toEqual(Object.fromEntries(names.map((column) => [column, expected[column]])))
})

test.each(written)('from any row on, any number at a time, the cells of %s are the same', async (name) => {
  const columns = await openColumns(readFixture(`${name}.parquet`))
  const firstRows = fc.integer({ min: 0, max: 59 })
  const column = fc.constantFrom(...columns.named.map((one) => one.name))

  await fc.assert(
    fc.asyncProperty(column, firstRows, fc.integer({ min: 1, max: 60 }), async (which, firstRow, atOnce) => {
      const cells = await readColumn(columns, which, { firstRow, atOnce })

      expect(cells).toEqual(expected[which]?.slice(firstRow))
    }),
    { numRuns: 150 },
  )
})

test('of pages without a row that is wanted only headers are read', async () => {
  const bytes = Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'x', data: Float64Array.from({ length: 300_000 }, (_, row) => row), type: 'DOUBLE' },
      ],
      rowGroupSize: 300_000,
      codec: 'UNCOMPRESSED',
    }),
  )
  const whole = asFile(bytes)
  let read = 0
  const file = await openParquet({
    ...whole,
    slice: (start, end = bytes.length) => {
      read += end - start
      return whole.slice(start, end)
    },
  })
  const [column] = namedColumns(file)
  if (!column) throw new Error('no such column')
  const held = new HeldMemory()
  const reader = new ColumnReader({ file, column: fileColumn(file, column), held, firstRow: 299_990 })

  const cells = await reader.take(2)

  expect(cells).toEqual([299_990, 299_991])
  // two pages of a MiB are before it
  expect(read).toBeLessThan(500_000)
})

test('pages that would take too much memory together are refused with the way to write others', async () => {
  const columns = await openColumns(readFixture('pyarrow.parquet'))

  await expect(readColumn(columns, 'text', { maxBytes: 500 })).rejects.toThrow(
    'its pages are too large to be read: one of each column takes more than 500 bytes, "text" with it; write the file with row_group_size=100000',
  )
})
