import type { RowProblem } from '@onqueue/shared/rows'
import type { ParsedRow } from './batch-row.ts'

/** A row as the file has it, for whoever is told of its error. */
export type RowInput = {
  /** counted from 1; of formats that have lines */
  line?: number
  /** of its first byte in the file; of formats whose rows lie in one place */
  offset?: number
  /** its text, or the beginning of that where it is cut */
  text: string
  isCut: boolean
}

/** Rows that follow one another. */
export type RowBatch = { rows: ParsedRow[]; inputOf: (index: number) => RowInput }

/** The rows of a chunk, whatever their format. */
export type RowSource = {
  /** All of them, in their order, so many at a time; the last time fewer. To be called once. */
  read: (rowsAtOnce: number) => AsyncIterable<RowBatch>
  /** where a problem is: a task knows values by their place, and a file may by the names of its columns */
  locate: (problem: RowProblem) => RowProblem
}

/** How much of a row its error repeats. */
const maxInputBytes = 4096

/** The text that `bytes` begin, cut to what an error repeats of it. */
export const cutInput = (bytes: Buffer, { isCut = false } = {}): Pick<RowInput, 'text' | 'isCut'> => {
  const isTooLong = bytes.length > maxInputBytes
  const text = bytes.toString('utf8', 0, maxInputBytes)
  // a character that was cut in half is left out
  return isTooLong || isCut ? { text: text.replace(/\uFFFD$/, ''), isCut: true } : { text, isCut }
}
