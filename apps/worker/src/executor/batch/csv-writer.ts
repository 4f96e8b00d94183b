import type { JsonSchema } from '@onqueue/shared'
import { outputColumns } from './output-columns.ts'
import { createTextWriter } from './text-writer.ts'
import type { TextWriter } from './text-writer.ts'

/** `row, id?, …output, error_code`: what is nested is JSON in one cell, null is an empty cell. */
export const createCsvWriter = (outputSchema: JsonSchema, { hasIds = false } = {}): TextWriter => {
  const columns = outputColumns(outputSchema)
  const names = ['row', ...(hasIds ? ['id'] : []), ...columns.map(({ title }) => title), 'error_code']
  const empty = ','.repeat(columns.length)
  return createTextWriter(`${names.map(quoteText).join(',')}\n`, (row, id, end) => {
    const begin = hasIds ? `${row},${id === undefined ? '' : toCell(id)}` : `${row}`
    if ('errorCode' in end) return `${begin}${empty},${end.errorCode}\n`
    let text = begin
    for (const { read } of columns) text += `,${toCell(read(end.output))}`
    return `${text},\n`
  })
}

const toCell = (value: unknown): string => {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value == null) return ''
  return quoteText(typeof value === 'string' ? value : JSON.stringify(value))
}

/** An empty text is told from null, and spaces at the ends survive readers that trim. */
const quoteText = (text: string) =>
  text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
