import type { BatchRecord } from '@onqueue/shared'
import type { BatchFile } from '../executor/batch/batch-file.ts'

/** What an executor has to know of the file of a batch. */
export const toFile = ({ about }: Pick<BatchRecord, 'about'>): BatchFile => {
  const { input, inputFormat, outputFormat, encodingFormat, idColumn, extraColumns, microBatchRows } = about
  return { input, inputFormat, outputFormat, encodingFormat, idColumn, extraColumns, microBatchRows }
}
