import { RecordCutter } from '@onqueue/shared/rows'
import type { TextFormat } from '@onqueue/shared/rows'

/** A slice of a file that ends where a record ends. */
export type Chunk = { offset: number; length: number; firstRow: number; rows: number; firstLine: number }

/** Where planning goes on: the next chunk and its first byte, row and line. */
export type PlanCursor = { chunk: number; offset: number; row: number; line: number }

export type ChunkLimits = {
  /** a chunk ends with the record that gets it so far */
  bytes: number
  rows: number
  /** but not with fewer bytes than that */
  minBytes: number
}

/** How long a chunk is to run, about: what a kill costs, and how far progress and other batches wait. */
export const chunkMs = 1000
export const maxChunks = 20_000

/** Fewer cost more in round trips and synced files than tiny models take: 16,384 rows of iris take about a tenth of a second. */
const maxRows = 65_536

/** `rowMs` is what a row was measured to take; the size of the file bounds how many chunks there are. */
export const chunkLimits = ({ fileBytes, rowMs }: { fileBytes: number; rowMs: number }): ChunkLimits => ({
  bytes: 1_048_576,
  rows: Math.max(1, Math.min(maxRows, Math.floor(chunkMs / rowMs))),
  minBytes: Math.ceil(fileBytes / maxChunks),
})

/**
 * The chunks of a file from a cursor on; `source` has its bytes from there. With each comes the cursor behind it: whoever
 * goes on from that gets the chunks that were missing, and the same ones. Throws `InvalidFile` at the end of a file with an
 * open quote.
 */
export async function* planChunks(options: {
  format: TextFormat
  source: AsyncIterable<Buffer> | Iterable<Buffer>
  cursor: PlanCursor
  limits: ChunkLimits
  maxRowBytes?: number
}): AsyncGenerator<{ chunk: Chunk; cursor: PlanCursor }> {
  const { format, source, limits, maxRowBytes } = options
  let { cursor } = options
  const cutter = new RecordCutter({ format, offset: cursor.offset, line: cursor.line, maxRowBytes })
  let rows = 0

  const endChunk = () => {
    const { offset, row, line, chunk } = cursor
    const planned: Chunk = { offset, length: cutter.offset - offset, firstRow: row, rows, firstLine: line }
    cursor = { chunk: chunk + 1, offset: cutter.offset, row: row + rows, line: cutter.line }
    rows = 0
    return { chunk: planned, cursor }
  }
  const isFull = () => {
    const length = cutter.offset - cursor.offset
    return (length >= limits.bytes || rows >= limits.rows) && length >= limits.minBytes
  }

  for await (const window of source) {
    cutter.feed(window)
    while (cutter.next()) {
      rows += 1
      if (isFull()) yield endChunk()
    }
  }
  cutter.end()
  if (cutter.next()) rows += 1
  if (rows > 0) yield endChunk()
}
