import type { Segment } from '@onqueue/shared/storage'
import type { Chunk, PlanCursor } from './plan-chunks.ts'
import type { RowSource } from './row-source.ts'
import type { RowWriter } from './row-writer.ts'

/** Reads a file of one format. */
export type FileReader = {
  /** what the ids of its rows are */
  ids: 'text' | 'integer'
  /** Its chunks from a cursor on, each with the cursor behind it. `rowMs` is what a row was measured to take. */
  plan: (from: PlanCursor, rowMs: number) => AsyncIterable<{ chunk: Chunk; cursor: PlanCursor }>
  /** The rows of a chunk; whoever opens closes. */
  open: (chunk: Chunk) => Promise<{ source: RowSource; close: () => void }>
}

/** Writes a file of one format, of the parts of its chunks. */
export type FileWriter = RowWriter & {
  /** What the file ends with, behind these parts. */
  footer?: (parts: readonly Segment[]) => Promise<Buffer>
}

/** How the rows of a file are read, and what comes of them is written. */
export type FileRows = { reader: FileReader; writer: FileWriter }
