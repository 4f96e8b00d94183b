import type { JsonSchema } from '@onqueue/shared'
import type { SchemaElement } from 'hyparquet'
import { outputColumns } from '../output-columns.ts'
import { alternatives, isNumber, isVector } from '../value-schemas.ts'

export type ParquetColumnOptions = {
  /** what the ids of rows are; integers where the file that was read has integers of at most 64 bits */
  ids?: 'text' | 'integer' | undefined
  /** of numbers in lists: of a model that has no float64, float32 holds all that it gives */
  vectors?: 'float32' | 'float64' | undefined
}

/** A column, or one of lists, what it repeats, and their element. */
export type ColumnElements = [SchemaElement] | [SchemaElement, SchemaElement, SchemaElement]

/** A column that holds values of the output. `toStored` makes what is stored of them; null is null in all columns. */
type StoredColumn = { elements: ColumnElements; toStored: (value: unknown) => unknown }

type ParquetColumn = StoredColumn & { read: (output: unknown) => unknown }

export type ParquetTable = {
  /** of the whole file, the root first */
  schema: SchemaElement[]
  root: SchemaElement
  row: { elements: ColumnElements }
  id: StoredColumn | undefined
  output: ParquetColumn[]
  errorCode: StoredColumn
}

/**
 * The columns of an output, between `row, id?` and `error_code`.
 *
 * They are flat, with the names that CSV has (`probabilities.setosa`): pandas makes a column of numbers of each, and of a
 * struct a column of dicts. A list of numbers is a list, since it is as long as an embedding, and text would cost more than
 * the model; whatever else is nested is JSON.
 */
const parquetColumns = (
  outputSchema: JsonSchema,
  { vectors = 'float64' }: ParquetColumnOptions = {},
): ParquetColumn[] =>
  outputColumns(outputSchema).map(({ title, schema, read }) => ({
    read,
    ...chooseColumn(title, schema, vectors),
  }))

const rowElements: ColumnElements = [{ name: 'row', type: 'INT64', repetition_type: 'REQUIRED' }]

/** All columns of a file, in their order. */
export const parquetTable = (outputSchema: JsonSchema, options: ParquetColumnOptions = {}): ParquetTable => {
  const output = parquetColumns(outputSchema, options)
  const id = options.ids && idColumn(options.ids)
  const row = { elements: rowElements }
  const errorCode = textColumn('error_code')
  const columns = [row, ...(id ? [id] : []), ...output, errorCode]
  const root = { name: 'schema', num_children: columns.length }
  const schema = [root, ...columns.flatMap(({ elements }) => elements)]
  return { schema, root, row, id, output, errorCode }
}

/** Where a file has integers as ids, one beyond 2^53 is text in a row. */
const idColumn = (ids: 'text' | 'integer'): StoredColumn =>
  ids === 'integer' ? integerColumn('id', {}) : textColumn('id')

const chooseColumn = (name: string, schema: JsonSchema, vectors: 'float32' | 'float64'): StoredColumn => {
  if (isVector(schema)) return listColumn(name, vectors)
  const ways = alternatives(schema)
  if (ways.every(isText)) return textColumn(name)
  if (isNumber(ways)) return numberColumn(name)
  const integer = ways.find(isInteger)
  if (integer && ways.every((way) => isInteger(way) || isDigits(way))) return integerColumn(name, integer)
  if (ways.every(({ type }) => type === 'boolean')) return column({ name, type: 'BOOLEAN' }, same)
  return textColumn(name, (value) => (typeof value === 'string' ? value : JSON.stringify(value)))
}

const isText = ({ type }: JsonSchema) => type === 'string'

const isInteger = ({ type }: JsonSchema) => type === 'integer'

/** An integer beyond 2^53, as JSON has it. */
const isDigits = ({ type, pattern }: JsonSchema) => type === 'string' && typeof pattern === 'string'

const same = (value: unknown) => value

const column = (element: SchemaElement, toStored: (value: unknown) => unknown): StoredColumn => ({
  elements: [{ ...element, repetition_type: 'OPTIONAL' }],
  toStored: (value) => (value == null ? null : toStored(value)),
})

const textColumn = (name: string, toText: (value: unknown) => unknown = String): StoredColumn =>
  column({ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } }, toText)

const numberColumn = (name: string): StoredColumn => column({ name, type: 'DOUBLE' }, Number)

/** Those that can't be negative may be beyond 2^63. */
const integerColumn = (name: string, { minimum }: JsonSchema): StoredColumn => {
  const isUnsigned = minimum === 0
  const type: SchemaElement = isUnsigned
    ? { name, type: 'INT64', converted_type: 'UINT_64' }
    : { name, type: 'INT64' }
  return column(type, (value) =>
    typeof value === 'number' || typeof value === 'string' ? BigInt(value) : null,
  )
}

const listColumn = (name: string, vectors: 'float32' | 'float64'): StoredColumn => ({
  elements: [
    {
      name,
      repetition_type: 'OPTIONAL',
      num_children: 1,
      converted_type: 'LIST',
      logical_type: { type: 'LIST' },
    },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', type: vectors === 'float32' ? 'FLOAT' : 'DOUBLE', repetition_type: 'REQUIRED' },
  ],
  toStored: (value) => (Array.isArray(value) ? value : null),
})
