import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { InvalidFile } from '@onqueue/shared/rows'
import { parquetReadObjects } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createJsonlWriter } from '../jsonl-writer.ts'
import type { RowWriter } from '../row-writer.ts'
import { scoreChunk } from '../score-chunk.ts'
import { openModel, scoreCsv } from '../score-model.fixture.ts'
import { openParquet } from './open-parquet.ts'
import { parquetTable } from './parquet-columns.ts'
import { asFile, readFixture } from './parquet-file.fixture.ts'
import { parquetFooter } from './parquet-footer.ts'
import { planParquet } from './parquet-plan.ts'
import { createParquetSource } from './parquet-source.ts'
import { createParquetWriter } from './parquet-writer.ts'
import { planParquetChunks } from './plan-parquet-chunks.ts'

const housing = await openModel('models/housing')
const { inputSchema, outputSchema } = housing.probe.task

const golden = z
  .array(
    z.object({
      input: z.object({ features: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]) }),
    }),
  )
  .parse(
    JSON.parse(
      readFileSync(join(import.meta.dirname, '../../../../../../models/housing/golden.json'), 'utf8'),
    ),
  )
const rows = golden.flatMap(({ input: { features } }) => (Array.isArray(features) ? [] : [features]))
const columns = Object.keys(rows[0] ?? {})

const write = (given: Record<string, unknown>[], rowGroupSize = 1000) =>
  Buffer.from(
    parquetWriteBuffer({
      rowGroupSize,
      columnData: columns.map((name) => {
        const data = given.map((row) => row[name])
        return typeof rows[0]?.[name] === 'string'
          ? { name, data, type: 'STRING' }
          : { name, data, type: 'DOUBLE' }
      }),
    }),
  )

const score = async (
  bytes: Buffer,
  {
    chunkRows = 1000,
    writer = createJsonlWriter(outputSchema),
  }: { chunkRows?: number; writer?: RowWriter } = {},
) => {
  const file = await openParquet(asFile(bytes))
  const plan = planParquet(file, inputSchema)
  const parts: Buffer[] = []
  let errors = ''
  const cursor = { chunk: 0, offset: 0, row: 0, line: 0 }
  for (const { chunk } of planParquetChunks({ file, cursor, chunkRows })) {
    const pieces: Buffer[] = []
    await scoreChunk({
      probe: housing.probe,
      writer,
      chunk,
      source: createParquetSource({ file, plan, chunk }),
      microBatchRows: 7,
      output: (piece) => void pieces.push(piece),
      errors: (piece) => {
        errors += piece.toString()
      },
    })
    parts.push(Buffer.concat(pieces))
  }
  return { parts, output: Buffer.concat(parts).toString(), errors }
}

test('rows of Parquet give what those of CSV give, in chunks and row groups of any size', async () => {
  const csv = [columns, ...rows.map((row) => columns.map((name) => row[name]))]
  const fromCsv = await scoreCsv(housing, csv.map((row) => `${row.join(',')}\n`).join(''))

  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 60 }),
      async (groupRows, chunkRows) => {
        const { output, errors } = await score(write(rows, groupRows), { chunkRows })

        expect(errors).toBe('')
        expect(output).toBe(fromCsv.output)
      },
    ),
    { numRuns: 20 },
  )
})

test('Parquet to Parquet: the parts and a footer are a file with a row for each row', async () => {
  const { parts } = await score(write(rows), { chunkRows: 9, writer: createParquetWriter(outputSchema) })
  const { output } = await score(write(rows))

  const footer = await parquetFooter(parts.map(asFile), parquetTable(outputSchema).schema)
  const file = new Uint8Array(Buffer.concat([Buffer.from('PAR1'), ...parts, footer])).buffer
  const read = await parquetReadObjects({ file })

  expect(read.map(({ row, prediction }) => ({ row: Number(row), prediction }))).toEqual(
    output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  )
})

test('a bad row costs one row, and is told of with its columns and without a line', async () => {
  const [first = {}, ...others] = rows
  const bad = { ...first, waterfront: 'maybe' }

  const { output, errors } = await score(write([others[0] ?? {}, bad, first]))

  expect(output.split('\n')[1]).toBe('{"row":1,"prediction":null,"error_code":"invalid_input"}')
  const error: unknown = JSON.parse(errors)
  expect(error).toMatchObject({ row: 1, code: 'invalid_input', pointer: '/features/waterfront' })
  expect(error).toMatchObject({ input: JSON.stringify(bad) })
  expect(Object.keys(z.record(z.string(), z.unknown()).parse(error))).toEqual([
    'row',
    'code',
    'detail',
    'pointer',
    'input',
  ])
})

test.each([
  ['pandas', 500],
  ['pyarrow-pages', 500],
  ['pyarrow-encodings', 500],
  ['polars', 250],
  ['duckdb', 250],
])(
  'whatever bytes of %s are flipped, it is read or refused with a sentence, in no time',
  async (name, runs) => {
    const original = readFixture(`${name}.parquet`)
    const names = ['float64', 'int64', 'large', 'boolean', 'text', 'category', 'vector', 'decimal']
    const any = { type: 'object', properties: Object.fromEntries(names.map((one) => [one, {}])) }
    const anyList = { anyOf: [{}, { type: 'array' }] }
    const schema = { ...any, properties: { ...any.properties, vector: anyList } }
    const flips = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    const started = performance.now()

    const readAll = async (bytes: Buffer) => {
      const file = await openParquet(asFile(bytes))
      // a row group may be said to have as many
      const chunk = { firstRow: 0, rows: Math.min(file.rows, 1000) }
      const source = createParquetSource({ file, plan: planParquet(file, schema), chunk })
      for await (const batch of source.read(100)) batch.inputOf(0)
    }
    await fc.assert(
      fc.asyncProperty(flips, async (changes) => {
        const bytes = Buffer.from(original)
        for (const [place, value] of changes) bytes[place] = value
        const error: unknown = await readAll(bytes).catch((err: unknown) => err)
        if (error !== undefined) expect(error).toBeInstanceOf(InvalidFile)
      }),
      { numRuns: runs },
    )

    expect(performance.now() - started).toBeLessThan(runs * 100)
    expect(process.memoryUsage().rss).toBeLessThan(2e9)
  },
)

test('whatever is missing at the end, the file is refused', async () => {
  const original = readFixture('pandas.parquet')

  await fc.assert(
    fc.asyncProperty(fc.nat(original.length - 1), async (length) => {
      await expect(openParquet(asFile(original.subarray(0, length)))).rejects.toThrow(InvalidFile)
    }),
  )
})
