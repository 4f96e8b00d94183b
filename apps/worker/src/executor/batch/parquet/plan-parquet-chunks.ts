import { chunkMs, maxChunks } from '../plan-chunks.ts'
import type { Chunk, PlanCursor } from '../plan-chunks.ts'
import type { ParquetFile } from './open-parquet.ts'

/** As many as are worth that the pages at both ends of a chunk are decoded for two of them. */
const maxRows = 131_072

/** How many rows a chunk has, about. `rowMs` is what a row was measured to take. */
export const parquetChunkRows = ({ rows, rowMs }: { rows: number; rowMs: number }) =>
  Math.max(1, Math.ceil(rows / maxChunks), Math.min(maxRows, Math.floor(chunkMs / rowMs)))

/**
 * The chunks of a Parquet file from a cursor on, as `planChunks` has them of text. Of a chunk `firstRow` and `rows` are all
 * that is needed, since the footer says where they lie: `offset`, `length` and `firstLine` are 0. It ends with a row group
 * where that is more than half of what it may have.
 */
export function* planParquetChunks({
  file: { groupRows, rows },
  cursor,
  chunkRows,
}: {
  file: ParquetFile
  cursor: PlanCursor
  chunkRows: number
}): Generator<{ chunk: Chunk; cursor: PlanCursor }> {
  let { row, chunk: index } = cursor
  let group = 0
  /** where the row groups end that were passed */
  let groupEnd = groupRows[0] ?? 0
  while (row < rows) {
    const from = row
    row = Math.min(rows, from + chunkRows)
    for (let end = groupEnd; end <= Math.min(rows, from + chunkRows) && group < groupRows.length;) {
      if (end > from + chunkRows / 2) row = end
      group += 1
      groupEnd = end += groupRows[group] ?? 0
    }
    index += 1
    yield {
      chunk: { offset: 0, length: 0, firstRow: from, rows: row - from, firstLine: 0 },
      cursor: { chunk: index, offset: 0, row, line: 0 },
    }
  }
}
