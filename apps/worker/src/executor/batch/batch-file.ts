import type { EncodingFormat, RowFormat } from '@onqueue/shared'
import type { Segment } from '@onqueue/shared/storage'

/** What an executor has to know of the file of a batch. */
export type BatchFile = {
  /** one behind the other, in the storage */
  input: Segment[]
  inputFormat: RowFormat
  outputFormat: RowFormat
  /** how lists of numbers are written as text; as numbers where it is not said */
  encodingFormat?: EncodingFormat | undefined
  /** the column, or in JSONL the key, that names a row for whoever sent the file */
  idColumn: string | null
  /** what becomes of columns that the model does not know */
  extraColumns: 'ignore' | 'error'
  /** the most rows that run together; fewer where a version is not proven to take as many */
  microBatchRows: number
}
