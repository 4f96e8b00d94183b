import type { JsonSchema } from '@onqueue/shared'
import { isObject } from '@onqueue/shared/rows'
import { outputNames } from './row-writer.ts'
import type { RowWriter } from './row-writer.ts'

/**
 * `row, id?, …output, error_code`: objects whose keys the schema knows, such as probabilities, have a column for each
 * (`probabilities.setosa`), whatever else is nested is JSON in one cell. Null is an empty cell.
 */
export const createCsvWriter = (outputSchema: JsonSchema, { hasIds = false } = {}): RowWriter => {
  const properties = isObject(outputSchema['properties']) ? outputSchema['properties'] : {}
  const columns = outputNames(outputSchema).flatMap(({ name, written }) =>
    flatten([name], written, properties[name]),
  )
  const names = ['row', ...(hasIds ? ['id'] : []), ...columns.map(({ title }) => title), 'error_code']
  const empty = ','.repeat(columns.length)
  return {
    header: `${names.map(quoteText).join(',')}\n`,
    write: (row, id, end) => {
      const begin = hasIds ? `${row},${id === undefined ? '' : toCell(id)}` : `${row}`
      if ('errorCode' in end) return `${begin}${empty},${end.errorCode}\n`
      let text = begin
      for (const { path } of columns) text += `,${toCell(valueAt(end.output, path))}`
      return `${text},\n`
    },
  }
}

type Column = { path: string[]; title: string }

const flatten = (path: string[], title: string, schema: unknown): Column[] => {
  const properties =
    isObject(schema) && isObject(schema['properties']) ? Object.entries(schema['properties']) : []
  if (properties.length === 0) return [{ path, title }]
  return properties.flatMap(([name, inner]) => flatten([...path, name], `${title}.${name}`, inner))
}

const valueAt = (output: unknown, path: readonly string[]) => {
  let value = output
  for (const name of path) value = isObject(value) ? value[name] : undefined
  return value
}

const toCell = (value: unknown): string => {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value == null) return ''
  return quoteText(typeof value === 'string' ? value : JSON.stringify(value))
}

/** An empty text is told from null, and spaces at the ends survive readers that trim. */
const quoteText = (text: string) =>
  text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
