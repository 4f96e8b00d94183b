import type { JsonSchema } from '@onqueue/shared'
import { InvalidFile, isObject, planColumnsOf } from '@onqueue/shared/rows'
import type { ColumnOptions, InputColumns } from '@onqueue/shared/rows'
import type { RowId } from '../batch-row.ts'
import type { ColumnType, ValueType } from './column-type.ts'
import { fileColumn, namedColumns } from './file-columns.ts'
import type { FileColumn } from './file-columns.ts'
import type { ParquetFile } from './open-parquet.ts'

/** What is read of a file for a model. */
export type ParquetPlan = Pick<InputColumns, 'toInput' | 'locate'> & {
  /** in the order of the input's */
  columns: PlannedColumn[]
  id: FileColumn | undefined
}

<<<<<<< HEAD
/** `toValue` makes what a task expects of a cell. */
type PlannedColumn = FileColumn & { toValue: (cell: unknown) => unknown }
=======
/** `toValue` makes what a task expects of a cell, where that is not the cell itself. */
type PlannedColumn = FileColumn & { toValue: ((cell: unknown) => unknown) | undefined }
>>>>>>> w-parquet

/**
 * Finds the columns of an input in a file, and compares their types with what the model wants, so that a wrong one is told
 * of once and not in each row. Throws `InvalidFile` that says what is wrong.
 */
export const planParquet = (
  file: ParquetFile,
  inputSchema: JsonSchema,
  { idColumn, ...options }: ColumnOptions = {},
): ParquetPlan => {
  const named = namedColumns(file).filter(
    ({ name }) => !/^__index_level_\d+__$/.test(name) || name === idColumn,
  )
  const header = named.map(({ name }) => name)
  const { columns, places, toInput, locate } = planColumnsOf(
    header,
    inputSchema,
    { idColumn, ...options },
    'it',
  )
  const find = (name: string) => {
    const [column, another] = named.filter((one) => one.name === name)
    if (!column) throw new Error('a column that the plan has not found')
    if (another)
      throw new InvalidFile(`it has the column "${name}" twice; give each column a name of its own`)
    return fileColumn(file, column)
  }
  const id = places.includes('id') && idColumn !== undefined ? find(idColumn) : undefined
  if (id && (id.levels.maxRepetition > 0 || (id.type.values !== 'text' && id.type.values !== 'integer'))) {
    throw new InvalidFile(`its column "${id.name}" is ${describe(id)}; ids are text or integers`)
  }
  return {
    toInput,
    locate,
    id,
    columns: columns.map(({ name, schema }) => ({
      ...find(name),
      toValue: planValue(name, find(name), schema),
    })),
  }
}

/** A cell of the id column, of those types that it may have. */
export const toRowId = (cell: unknown): RowId | undefined =>
  typeof cell === 'string' || typeof cell === 'number' ? cell : undefined

const describe = ({ type, levels }: FileColumn) =>
  levels.maxRepetition > 0 ? `a list of ${type.name}` : type.name

const planValue = (name: string, column: FileColumn, schema: JsonSchema) => {
  const ways = alternatives(schema)
  if (!fits(column.type, column.levels.maxRepetition, ways)) {
    throw new InvalidFile(
      `its column "${name}" is ${describe(column)}, the model wants ${describeWanted(ways)}`,
    )
  }
  const takesNull = ways.some(({ type }) => type === 'null')
  const wantsBoolean = column.type.values === 'integer' && ways.some(({ type }) => type === 'boolean')
  if (wantsBoolean) return (cell: unknown) => (cell === 1 ? true : cell === 0 ? false : cell)
  // pandas has NaN for a number that is missing
  if (takesNull) return (cell: unknown) => (Number.isNaN(cell) ? null : cell)
  return undefined
}

/** The schemas that a value may be of. Digits of an integer beyond 2^53 are text to JSON alone. */
const alternatives = (schema: unknown): JsonSchema[] => {
  if (!isObject(schema)) return [{}]
  if (!Array.isArray(schema['anyOf'])) return [schema]
  const ways = schema['anyOf'].flatMap(alternatives)
  return ways.some(({ type }) => type === 'integer') ? ways.filter(({ type }) => type !== 'string') : ways
}

/** Whether a column, of lists so many deep, may have values of one of these schemas. */
const fits = (type: ColumnType, depth: number, ways: JsonSchema[]): boolean =>
  ways.some((way) => {
    if (way['type'] === 'array') {
      // of arrays of any depth the schema says no more
      return way['items'] === undefined
        ? depth > 0
        : depth > 0 && fits(type, depth - 1, alternatives(way['items']))
    }
    return depth === 0 && type.values !== undefined && wantedTypes(way).includes(type.values)
  })

const wantedTypes = (way: JsonSchema): ValueType[] => {
  const values: unknown[] = Array.isArray(way['enum']) ? way['enum'] : []
  const types = values.length > 0 ? [...new Set(values.map((value) => typeof value))] : [way['type']]
  return types.flatMap((type): ValueType[] => {
    switch (type) {
      case 'number':
      case 'integer':
        return ['number', 'integer']
      case 'boolean':
        return ['boolean', 'integer']
      case 'string':
        return ['text']
      case 'null':
        return []
      default:
        return ['number', 'integer', 'boolean', 'text']
    }
  })
}

const describeWanted = (ways: JsonSchema[]): string => {
  const [way = {}] = ways.filter(({ type }) => type !== 'null')
  if (Array.isArray(way['enum'])) {
    const values = way['enum'].slice(0, 10).map(String)
    return `one of ${values.join(', ')}${way['enum'].length > values.length ? ', …' : ''}`
  }
  if (way['type'] === 'array')
    return `lists, whose elements are ${describeWanted(alternatives(way['items']))}`
  return wantedNames[String(way['type'])] ?? 'something else'
}

const wantedNames: Record<string, string> = {
  number: 'numbers',
  integer: 'integers',
  boolean: 'true or false',
  string: 'text',
}
