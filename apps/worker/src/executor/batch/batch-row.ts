import type { FileRecord, RowProblem } from '@onqueue/shared/rows'

/** What names a row for whoever sent the file. */
export type RowId = string | number

/** What a record says: an input that the task has not looked at yet, or why there is none. */
export type ParsedRow =
  | { id: RowId | undefined; value: unknown; problem?: undefined }
  | { id: RowId | undefined; problem: RowProblem }

/** Reads a record of one format. Throws nothing: a record that can't be read costs one row. */
type ParseRecord = (record: FileRecord) => ParsedRow

/** Reads the rows of a file of one format, and tells of problems that the task found as that format has them. */
export type RowParser = {
  parse: ParseRecord
  /** where a problem is: a task knows values by their place, and a file may by the names of its columns */
  locate: (problem: RowProblem) => RowProblem
}

export const unreadable = (detail: string, id?: RowId): ParsedRow => ({
  id,
  problem: { pointer: '', detail },
})
