import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { expect, test } from 'vitest'
import { outputElementSchema } from '../../../tensors/element-schema.ts'
import { closedObject, nestedSchema } from '../../../tasks/nested-schema.ts'
import { parquetTable } from './parquet-columns.ts'
import type { ParquetColumnOptions } from './parquet-columns.ts'
import { parquetFooter } from './parquet-footer.ts'
import { createParquetWriter } from './parquet-writer.ts'
import type { RowEnd } from '../row-writer.ts'

const { int64, uint64, float32, bool } = {
  int64: outputElementSchema('int64'),
  uint64: outputElementSchema('uint64'),
  float32: outputElementSchema('float32'),
  bool: outputElementSchema('bool'),
}

const schema = closedObject({
  label: { enum: ['no', 'yes'] },
  probabilities: closedObject({ no: { type: 'number' }, yes: { type: 'number' } }),
  score: float32,
  count: int64,
  size: uint64,
  flag: bool,
  row: { type: 'string' },
  vector: nestedSchema(float32, ['n'], { mayBeEmpty: true }),
  boxes: nestedSchema(float32, ['n', 4], { mayBeEmpty: true }),
})

type Row = { id: string | undefined; end: RowEnd }

const arrayBuffer = (bytes: Buffer) => new Uint8Array(bytes).buffer

const asPart = (bytes: Buffer) => ({
  byteLength: bytes.length,
  slice: (start: number, end?: number) => arrayBuffer(bytes.subarray(start, end)),
})

/** The file of rows whose parts have so many of them. */
const writeFile = async (
  rows: Row[],
  { rowsOfPart = 1000, ...options }: ParquetColumnOptions & { rowsOfPart?: number; maxValues?: number } = {},
) => {
  const writer = createParquetWriter(schema, { ids: 'text', ...options })
  const parts: Buffer[] = []
  for (let first = 0; first < rows.length; first += rowsOfPart) {
    const part = writer.beginPart()
    const pieces: Buffer[] = []
    for (const [index, { id, end }] of rows.slice(first, first + rowsOfPart).entries()) {
      part.add(first + index, id, end)
      if (index % 3 === 2) pieces.push(part.take())
    }
    parts.push(Buffer.concat([...pieces, part.end()]))
  }
  const footer = await parquetFooter(
    parts.map(asPart),
    parquetTable(schema, { ids: 'text', ...options }).schema,
  )
  return Buffer.concat([Buffer.from(writer.header), ...parts, footer])
}

/** hyparquet gives undefined for lists that are null. */
const readFile = async (file: Buffer) => {
  const rows = await parquetReadObjects({ file: arrayBuffer(file) })
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? null])),
  )
}

const output = {
  label: 'yes',
  probabilities: { no: 0.25, yes: 0.75 },
  score: 0.1,
  count: '9007199254740993',
  size: 3,
  flag: true,
  row: 'ä',
  vector: [1, 'NaN', 2.5],
  boxes: [[1, 2, 3, 4]],
}

test('values of the output are columns of their types, and null where a row failed', async () => {
  const file = await writeFile([
    { id: 'a', end: { output } },
    { id: undefined, end: { errorCode: 'invalid_input' } },
  ])

  const [good, failed] = await readFile(file)

  expect(good).toEqual({
    row: 0n,
    id: 'a',
    label: 'yes',
    'probabilities.no': 0.25,
    'probabilities.yes': 0.75,
    score: 0.1,
    count: 9007199254740993n,
    size: 3n,
    flag: true,
    output_row: 'ä',
    vector: [1, NaN, 2.5],
    boxes: '[[1,2,3,4]]',
    error_code: null,
  })
  expect(failed).toEqual({
    ...Object.fromEntries(Object.keys(good ?? {}).map((name) => [name, null])),
    row: 1n,
    error_code: 'invalid_input',
  })
})

test('ids that were integers stay integers, also beyond 2^53', async () => {
  const writer = createParquetWriter(schema, { ids: 'integer' })
  const part = writer.beginPart()
  part.add(0, 7, { output })
  part.add(1, '9007199254740993', { output })
  const bytes = part.end()

  const footer = await parquetFooter([asPart(bytes)], [])
  const rows = await readFile(Buffer.concat([Buffer.from('PAR1'), bytes, footer]))

  expect(rows.map(({ id }) => id)).toEqual([7n, 9007199254740993n])
})

test('lists of numbers are of float32 where the model has nothing else', async () => {
  const rows = [{ id: 'a', end: { output: { ...output, vector: [0.1] } } }]

  const [row] = await readFile(await writeFile(rows, { vectors: 'float32' }))

  expect(row?.['vector']).toEqual([Math.fround(0.1)])
})

test('a file without rows has all columns', async () => {
  const file = await writeFile([])

  const { schema: elements, num_rows } = parquetMetadata(arrayBuffer(file))

  expect(num_rows).toBe(0n)
  expect(elements.slice(1).map(({ name }) => name)).toContain('probabilities.yes')
  expect(await readFile(file)).toEqual([])
})

test('a part that gets many values has several row groups', async () => {
  const rows = Array.from({ length: 30 }, () => ({ id: 'a', end: { output } }))

  const { row_groups } = parquetMetadata(arrayBuffer(await writeFile(rows, { maxValues: 100 })))

  expect(row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([9, 9, 9, 3])
})

test('a part, with the magic number in front, is a file by itself', async () => {
  const part = createParquetWriter(schema).beginPart()
  part.add(5, undefined, { output })

  const rows = await readFile(Buffer.concat([Buffer.from('PAR1'), part.end()]))

  expect(rows).toMatchObject([{ row: 5n, score: 0.1 }])
})

const number = fc.double().map((value) => (Number.isFinite(value) ? value : String(value)))
const rows = fc.array(
  fc.record({
    id: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
    end: fc.oneof(
      { weight: 1, arbitrary: fc.constant({ errorCode: 'timed_out' as const }) },
      {
        weight: 4,
        arbitrary: fc.record({
          output: fc.record({
            label: fc.constantFrom('no', 'yes'),
            probabilities: fc.record({ no: fc.double(), yes: fc.double() }),
            score: number,
            count: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String),
            size: fc.bigInt(0n, 2n ** 64n - 1n).map(String),
            flag: fc.boolean(),
            row: fc.string({ unit: 'grapheme' }),
            vector: fc.array(number, { maxLength: 5 }),
            boxes: fc.array(fc.array(fc.integer(), { minLength: 4, maxLength: 4 }), { maxLength: 3 }),
          }),
        }),
      },
    ),
  }),
  { maxLength: 60 },
)

test('any rows, in any parts, are read back as they were written, and always in the same bytes', async () => {
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 200 }),
      async (given, rowsOfPart, maxValues) => {
        const file = await writeFile(given, { rowsOfPart, maxValues })

        expect(await writeFile(given, { rowsOfPart, maxValues })).toEqual(file)
        expect(await readFile(file)).toEqual(
          given.map(({ id = null, end }, row) => {
            const value = 'output' in end ? end.output : undefined
            return { row: BigInt(row), id, ...toColumns(value), error_code: value ? null : 'timed_out' }
          }),
        )
      },
    ),
    { numRuns: 60 },
  )
})

type Output = Omit<typeof output, 'score' | 'size'> & { score: string | number; size: string | number }

const toColumns = (value: Output | undefined) => ({
  label: value?.label ?? null,
  'probabilities.no': value?.probabilities.no ?? null,
  'probabilities.yes': value?.probabilities.yes ?? null,
  score: value ? Number(value.score) : null,
  count: value ? BigInt(value.count) : null,
  size: value ? BigInt(value.size) : null,
  flag: value?.flag ?? null,
  output_row: value?.row ?? null,
  vector: value?.vector.map(Number) ?? null,
  boxes: value ? JSON.stringify(value.boxes) : null,
})
