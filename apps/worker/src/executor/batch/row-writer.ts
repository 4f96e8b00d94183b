import type { JsonSchema } from '@onqueue/shared'
import { isObject } from '@onqueue/shared/rows'
import type { RowError } from '../../tasks/row-result.ts'
import type { RowId } from './batch-row.ts'

/** What is said of a row that has no output; the last two are those of rows that ended their executor. */
export type RowErrorCode = RowError['code'] | 'executor_crashed' | 'timed_out'

/** How a row ended. */
type RowEnd = { output: unknown } | { errorCode: RowErrorCode }

/** Makes text of rows in one format. `row` counts the rows of the file from 0. */
export type RowWriter = {
  /** what a file begins with */
  header: string
  write: (row: number, id: RowId | undefined, end: RowEnd) => string
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
