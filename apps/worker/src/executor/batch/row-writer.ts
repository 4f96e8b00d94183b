import type { JsonSchema } from '@onqueue/shared'
import { isObject } from '@onqueue/shared/rows'
import type { RowError } from '../../tasks/row-result.ts'
import type { RowId } from './batch-row.ts'

/** What is said of a row that has no output; the last two are those of rows that ended their executor. */
export type RowErrorCode = RowError['code'] | 'executor_crashed' | 'timed_out'

/** How a row ended. */
export type RowEnd = { output: unknown } | { errorCode: RowErrorCode }

/** `row` counts the rows of the file from 0. */
export type WriteRow<Written> = (row: number, id: RowId | undefined, end: RowEnd) => Written

/** Writes files of one format, which are a header and parts, one behind the other. */
export type RowWriter = {
  /** what a file begins with */
  header: string
  beginPart: () => PartWriter
}

/** Writes the part of a chunk. The same rows, taken at the same places, make the same bytes. */
export type PartWriter = {
  add: WriteRow<void>
  /** The bytes that are done since they were last taken; none where the format needs more rows for some. */
  take: () => Buffer
  /** The bytes that are left, after the last row was added. */
  end: () => Buffer
}

/** Names of ours in a row of the output. */
const ownNames = ['row', 'id', 'error_code']

/** The names in a model's output. Those that a row has itself are written as `output_row` and so on. */
export const outputNames = (outputSchema: JsonSchema): { name: string; written: string }[] => {
  const properties = isObject(outputSchema['properties']) ? outputSchema['properties'] : {}
  return Object.keys(properties).map((name) => ({
    name,
    written: ownNames.includes(name) ? `output_${name}` : name,
  }))
}
