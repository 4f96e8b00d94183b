import { eachField } from '@onqueue/shared/rows'
import type { ColumnPlan } from '@onqueue/shared/rows'
import { unreadable } from './batch-row.ts'
import type { RowId, RowParser } from './batch-row.ts'
import { createCellReader } from './read-cell.ts'

/** Rows that are records of CSV, whose columns were found in its header. */
export const createCsvParser = ({ columns, header, places, toInput, locate }: ColumnPlan): RowParser => {
  const readers = columns.map(({ schema }) => createCellReader(schema))
  const isPlace = (place: unknown) => typeof place === 'number'
  const targets = places.map((place) => (isPlace(place) ? place : -1))
  const readerOf = targets.map((target) => readers[target])
  const idField = places.indexOf('id')
  let values: unknown[] = []
  let id: RowId | undefined
  const onField = (field: number, bytes: Buffer, start: number, end: number) => {
    const read = readerOf[field]
    if (read) values[targets[field] ?? 0] = read(bytes, start, end)
    if (field === idField) id = bytes.toString('utf8', start, end)
  }
  return {
    locate,
    parse: ({ bytes, start, end, problem }) => {
      if (problem !== undefined) return unreadable(problem)
      values = Array.from({ length: columns.length })
      id = undefined
      const count = eachField(bytes, start, end, onField)
      if (typeof count === 'string') return unreadable(count, id)
      if (count !== header.length) {
        return unreadable(`has ${countColumns(count)}, the header has ${header.length}`, id)
      }
      return { id, value: toInput(values) }
    },
  }
}

const countColumns = (count: number) => `${count} column${count === 1 ? '' : 's'}`
