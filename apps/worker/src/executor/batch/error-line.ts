import type { FileRecord } from '@onqueue/shared/rows'
import type { RowId } from './batch-row.ts'
import type { RowFailure } from './run-micro-batch.ts'

/** How much of a row its error repeats. */
const maxInputBytes = 4096

/**
 * A line of the errors file: `{ row, line, id?, code, detail, pointer, offset, input }`. `input` is the row as the file has it,
 * `offset` where in the file that begins: one that is long is cut, and says so.
 */
export const errorLine = (
  { row, id, record }: { row: number; id: RowId | undefined; record: FileRecord },
  { code, detail, pointer = '' }: RowFailure,
): string => {
  const { line, offset, bytes, start, end } = record
  const isCut = record.isCut || end - start > maxInputBytes
  const input = bytes.toString('utf8', start, Math.min(end, start + maxInputBytes))
  return `${JSON.stringify({
    row,
    line,
    ...(id === undefined ? {} : { id }),
    code,
    detail,
    pointer,
    offset,
    // a character that was cut in half is left out
    input: isCut ? input.replace(/\uFFFD$/, '') : input,
    ...(isCut ? { input_truncated: true } : {}),
  })}\n`
}
