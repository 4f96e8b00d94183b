import type { RowId } from './batch-row.ts'
import type { RowInput } from './row-source.ts'
import type { RowFailure } from './run-micro-batch.ts'

/**
 * A line of the errors file: `{ row, line, id?, code, detail, pointer, offset, input }`. `input` is the row as the file has it,
 * `offset` where in the file that begins: one that is long is cut, and says so. A row of Parquet lies in no one place: it has
 * no `line` and no `offset`, and its `input` is JSON of its columns.
 */
export const errorLine = (
  { row, id, input: { line, offset, text, isCut } }: { row: number; id: RowId | undefined; input: RowInput },
  { code, detail, pointer = '' }: RowFailure,
): string =>
  `${JSON.stringify({
    row,
    line,
    id,
    code,
    detail,
    pointer,
    offset,
    input: text,
    ...(isCut ? { input_truncated: true } : {}),
  })}\n`
