import { isObject } from '@onqueue/shared/rows'
import type { FileRecord } from '@onqueue/shared/rows'
import { unreadable } from './batch-row.ts'
import type { ParsedRow, RowId, RowParser } from './batch-row.ts'

/** Rows that are JSON, an input a line. `idColumn` is a key beside those of the input, and no part of it. */
export const createJsonlParser = ({ idColumn }: { idColumn?: string | undefined } = {}): RowParser => ({
  parse: (record) => {
    if (record.problem !== undefined) return unreadable(record.problem)
    const row = parseLine(record)
    return idColumn === undefined || row.problem ? row : takeId(row.value, idColumn)
  },
  locate: (problem) => problem,
})

const parseLine = ({ bytes, start, end }: FileRecord): ParsedRow => {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8', start, end))
    return { id: undefined, value }
  } catch {
    return unreadable('is not JSON; a line is one input, such as {"features": …}')
  }
}

const takeId = (value: unknown, idColumn: string): ParsedRow => {
  if (!isObject(value) || !Object.hasOwn(value, idColumn))
    return unreadable(`lacks ${idColumn}, the id column`)
  const { [idColumn]: id, ...input } = value
  return isRowId(id)
    ? { id, value: input }
    : { id: undefined, problem: { pointer: '', detail: `must have text or a number as its ${idColumn}` } }
}

const isRowId = (value: unknown): value is RowId => typeof value === 'string' || typeof value === 'number'
