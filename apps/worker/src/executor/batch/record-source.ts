import { RecordCutter } from '@onqueue/shared/rows'
import type { FileRecord, TextFormat } from '@onqueue/shared/rows'
import type { ParsedRow, RowParser } from './batch-row.ts'
import type { Chunk } from './plan-chunks.ts'
import { cutInput } from './row-source.ts'
import type { RowBatch, RowSource } from './row-source.ts'

export type RecordSourceOptions = {
  format: TextFormat
  parser: RowParser
  /** where it lies in the file */
  chunk: Pick<Chunk, 'offset' | 'firstLine'>
  /** its bytes, and no others */
  bytes: AsyncIterable<Buffer> | Iterable<Buffer>
  maxRowBytes?: number | undefined
}

/** The rows of a chunk of a format of which each row is a record. */
export const createRecordSource = ({ parser, ...options }: RecordSourceOptions): RowSource => ({
  locate: parser.locate,
  read: (rowsAtOnce) => readBatches({ parser, ...options }, rowsAtOnce),
})

async function* readBatches(
  { format, parser, chunk, bytes, maxRowBytes }: RecordSourceOptions,
  rowsAtOnce: number,
): AsyncGenerator<RowBatch> {
  const cutter = new RecordCutter({ format, offset: chunk.offset, line: chunk.firstLine, maxRowBytes })
  let records: FileRecord[] = []
  let rows: ParsedRow[] = []

  /** Whether there is a batch. */
  const fill = () => {
    while (records.length < rowsAtOnce) {
      const record = cutter.next()
      if (!record) return false
      records.push(record)
      rows.push(parser.parse(record))
    }
    return true
  }
  const takeBatch = (): RowBatch => {
    const batch = { rows, inputOf: inputOfRecords(records) }
    records = []
    rows = []
    return batch
  }

  for await (const window of bytes) {
    cutter.feed(window)
    while (fill()) yield takeBatch()
  }
  cutter.end()
  fill()
  if (rows.length > 0) yield takeBatch()
}

const inputOfRecords = (records: FileRecord[]) => (index: number) => {
  const record = records[index]
  if (!record) throw new Error('there is no such row in the batch')
  const { line, offset, bytes, start, end, isCut } = record
  return { line, offset, ...cutInput(bytes.subarray(start, end), { isCut }) }
}
