import { closedObject, nestedSchema } from '../../../tasks/nested-schema.ts'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { ColumnSource } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import { inputElementSchema, orMissing } from '../../../tensors/element-schema.ts'
import { openParquet } from './open-parquet.ts'
import { asFile, readFixture } from './parquet-file.fixture.ts'
import { planParquet } from './parquet-plan.ts'
import { createParquetSource } from './parquet-source.ts'

const number = inputElementSchema('float32')
const text = inputElementSchema('string')

const openFixture = (name: string) => openParquet(asFile(readFixture(`${name}.parquet`)))

const write = (columnData: ColumnSource[]) =>
  openParquet(asFile(Buffer.from(parquetWriteBuffer({ columnData }))))

/** All rows. */
const readRows = async (
  file: Awaited<ReturnType<typeof openParquet>>,
  plan: ReturnType<typeof planParquet>,
) => {
  const source = createParquetSource({ file, plan, chunk: { firstRow: 0, rows: file.rows } })
  const [batch] = await Array.fromAsync(source.read(1000))
  return batch?.rows ?? []
}

const yesOrNo = { enum: ['no', 'yes'] }
const label = 'pandas'

test.each([
  ['boolean', yesOrNo, 'its column "boolean" is BOOLEAN, the model wants one of no, yes'],
  ['boolean', number, 'its column "boolean" is BOOLEAN, the model wants numbers'],
  ['text', orMissing(number), 'its column "text" is STRING, the model wants numbers'],
  ['text', inputElementSchema('int64'), 'its column "text" is STRING, the model wants integers'],
  ['day', text, 'its column "day" is DATE, the model wants text'],
  ['time', number, 'its column "time" is TIMESTAMP, the model wants numbers'],
  ['binary', text, 'its column "binary" is FIXED_LEN_BYTE_ARRAY, the model wants text'],
  [
    'text',
    nestedSchema(number, [3]),
    'its column "text" is STRING, the model wants lists, whose elements are numbers',
  ],
  ['point', number, 'its column "point" is STRUCT; a column has a value or a list of values a row'],
  ['one', number, 'its column "one" is STRUCT; a column has a value or a list of values a row'],
  ['map', number, 'its column "map" is MAP; a column has a value or a list of values a row'],
  ['twice', number, 'it has the column "twice" twice; give each column a name of its own'],
])(
  'a column %s that is of another type than the model wants is told of once',
  async (name, schema, message) => {
    const file = await openFixture('odd')

    expect(() => planParquet(file, closedObject({ [name]: schema }))).toThrow(message)
  },
)

test.each([
  ['vector', number, 'its column "vector" is a list of FLOAT, the model wants numbers'],
  [
    'matrix',
    nestedSchema(number, ['n']),
    'its column "matrix" is a list of INT32, the model wants lists, whose elements are numbers',
  ],
])('a column %s whose lists are of another depth is told of once', async (name, schema, message) => {
  const file = await openFixture('pyarrow')

  expect(() => planParquet(file, closedObject({ [name]: schema }))).toThrow(message)
})

test('columns that are missing are named, with the one that may be meant', async () => {
  const file = await openFixture('odd')
  const schema = closedObject({ text, Tine: number })

  expect(() => planParquet(file, schema)).toThrow('it lacks "Tine"; is "time" meant to be "Tine"?')
  expect(() => planParquet(file, closedObject({ text }), { idColumn: 'key' })).toThrow(
    'it lacks "key", the id column; it has "day"',
  )
})

test('extra columns are ignored, or are an error; the index that pandas writes is none', async () => {
  const [odd, pandas] = await Promise.all([openFixture('odd'), openFixture(label)])
  const names = pandas.metadata.schema
    .filter(({ num_children: children }) => !children)
    .map(({ name }) => name)

  expect(names).toContain('__index_level_0__')
  expect(planParquet(odd, closedObject({ text })).columns).toHaveLength(1)
  expect(() => planParquet(pandas, closedObject({ text }), { extraColumns: 'error' })).toThrow(
    /^it has (?!.*__index).*, which the model does not know/,
  )
})

test.each([
  ['text', 'text', ['0', undefined, 'ä😀ä😀2']],
  ['int64', 'integer', [-50, undefined, -44]],
  ['large', 'integer', ['-4611686018427387904', '9007199254740993', '-4611686018427387906']],
])('ids are %s', async (idColumn, _, ids) => {
  const file = await openFixture('pyarrow')
  const plan = planParquet(file, closedObject({ float32: number }), { idColumn })

  const rows = await readRows(file, plan)

  expect(rows.slice(0, 3).map(({ id }) => id)).toEqual(ids)
})

test('ids of another type are refused', async () => {
  const file = await openFixture('pyarrow')

  expect(() => planParquet(file, closedObject({ float32: number }), { idColumn: 'float64' })).toThrow(
    'its column "float64" is DOUBLE; ids are text or integers',
  )
})

test('NaN is a value that is missing where the model takes those, and integers stand for booleans', async () => {
  const file = await write([
    { name: 'a', data: [NaN, 1], type: 'DOUBLE' },
    { name: 'b', data: [NaN, 1], type: 'DOUBLE' },
    { name: 'c', data: [0, 1], type: 'INT32' },
  ])
  const schema = closedObject({ a: orMissing(number), b: number, c: inputElementSchema('bool') })

  const rows = await readRows(file, planParquet(file, schema))

  expect(rows).toEqual([
    { id: undefined, value: { a: null, b: NaN, c: false } },
    { id: undefined, value: { a: 1, b: 1, c: true } },
  ])
})

test.each([
  ['lz4', 'its column "text" is compressed as LZ4_RAW; write the file with compression="zstd" or "snappy"'],
  ['encrypted-column', 'its column "text" is encrypted; write the file without encryption'],
])('a file whose columns are %s is refused with what to do', async (name, message) => {
  const file = await openFixture(name)

  expect(() => planParquet(file, closedObject({ text }))).toThrow(message)
})
