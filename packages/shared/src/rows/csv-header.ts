import { nearestName } from '../contract/nearest-names.ts'
import type { JsonSchema } from '../contract/version-interface.ts'
import { byteOrderMarkLength } from './byte-order-mark.ts'
import { splitRecord } from './csv-fields.ts'
import { inputColumns } from './input-columns.ts'
import type { InputColumns } from './input-columns.ts'
import { InvalidFile } from './invalid-file.ts'
import { RecordCutter } from './record-cutter.ts'

/** The names in the first record, and where the rows begin. */
export type CsvHeader = { names: string[]; offset: number; line: number }

/**
 * Reads the header of a CSV file from its first bytes, which have to hold it whole. Throws `InvalidFile` where there is
 * none, or where what stands there can't be one.
 */
export const readCsvHeader = (head: Buffer): CsvHeader => {
  const offset = byteOrderMarkLength(head)
  const cutter = new RecordCutter({ format: 'csv', offset, line: 1 })
  cutter.feed(head.subarray(offset))
  const complete = cutter.next()
  if (!complete) cutter.end()
  const record = complete ?? cutter.next()
  if (!record) throw new InvalidFile('is empty; its first line has to name its columns')
  if (record.problem !== undefined) throw new InvalidFile(`its header ${record.problem}`)
  const { bytes, start, end } = record
  if (/\r(?!\n)/.test(bytes.toString('latin1', start, end))) {
    throw new InvalidFile(
      'its lines end with a carriage return alone; write them with a line feed at their end',
    )
  }
  const split = splitRecord(bytes, start, end)
  if (typeof split === 'string') throw new InvalidFile(`its header ${split}`)
  const names = split.map((name) => name.trim())
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) {
    throw new InvalidFile(`its header has the column "${twice}" twice; give each column a name of its own`)
  }
  return { names, offset: cutter.offset, line: cutter.line }
}

export type ColumnOptions = {
  idColumn?: string | undefined
  /** what becomes of columns that the model does not know */
  extraColumns?: 'ignore' | 'error' | undefined
}

/** What of a row each column is, in the order of the file: an index of the input's columns, its id, or nothing. */
export type ColumnPlan = InputColumns & { header: string[]; places: (number | 'id' | undefined)[] }

/** Finds the columns of an input in a header. Throws `InvalidFile` that says which are missing, or are too many. */
export const planColumnsOf = (
  header: string[],
  inputSchema: JsonSchema,
  { idColumn, extraColumns = 'ignore' }: ColumnOptions = {},
  /** what has the names, in a sentence */
  holder: 'its header' | 'it' = 'its header',
): ColumnPlan => {
  const input = inputColumns(inputSchema, new Set(header))
  const wanted = input.columns.map(({ name }) => name)
  const missing = wanted.filter((name) => !header.includes(name))
  if (missing.length > 0) throw new InvalidFile(`${holder} ${describeMissing(missing, header)}`)
  if (idColumn !== undefined && !header.includes(idColumn)) {
    throw new InvalidFile(`${holder} lacks "${idColumn}", the id column; it has ${list(header)}`)
  }
  const extra = header.filter((name) => !wanted.includes(name) && name !== idColumn)
  if (extra.length > 0 && extraColumns === 'error') {
    throw new InvalidFile(
      `${holder} has ${list(extra)}, which the model does not know; leave them out, or leave out extra_columns=error`,
    )
  }
  const places = header.map((name) => {
    const place = wanted.indexOf(name)
    return place >= 0 ? place : name === idColumn ? 'id' : undefined
  })
  return { ...input, header, places }
}

const separators = [
  [';', '";"'],
  ['\t', 'tabs'],
  ['|', '"|"'],
] as const

const describeMissing = (missing: string[], header: string[]) => {
  const [only = ''] = header
  const separator =
    header.length === 1 ? separators.find(([character]) => only.includes(character)) : undefined
  const lacks = `lacks ${list(missing)}`
  if (separator) return `${lacks}: it seems to be separated by ${separator[1]}; write the file with commas`
  const [first = ''] = missing
  const near = nearestName(first, header)
  return near === undefined
    ? `${lacks}; it has ${list(header)}`
    : `${lacks}; is "${near}" meant to be "${first}"?`
}

const list = (names: string[]) =>
  names
    .slice(0, 20)
    .map((name) => `"${name.slice(0, 100)}"`)
    .join(', ') + (names.length > 20 ? ', …' : '')
