import type { Storage } from '@onqueue/shared/storage'
import type { Probe } from '../probe.ts'
import type { BatchFile } from './batch-file.ts'
import { createCsvWriter } from './csv-writer.ts'
import type { FileReader, FileRows, FileWriter } from './file-rows.ts'
import { createJsonlWriter } from './jsonl-writer.ts'
import { packVectors } from './pack-vectors.ts'
import { openParquetRows, openParquetWriter } from './parquet-rows.ts'
import type { RowWriter } from './row-writer.ts'
import { openTextRows } from './text-rows.ts'

type Readable = Pick<Storage, 'openRange'>

/** The formats are chosen here. Throws `InvalidFile` where the file is none that the model has rows of. */
export const openRows = async (storage: Readable, file: BatchFile, probe: Probe): Promise<FileRows> => {
  const { inputFormat: format } = file
  const reader =
    format === 'parquet'
      ? await openParquetRows(storage, file, probe.task)
      : await openTextRows(storage, file, { format, task: probe.task })
  return { reader, writer: openWriter(storage, file, probe, reader) }
}

const openWriter = (
  storage: Readable,
  { outputFormat, encodingFormat, idColumn }: BatchFile,
  { task, session }: Probe,
  { ids }: FileReader,
): FileWriter => {
  const hasIds = idColumn !== null
  const asAsked = (writer: RowWriter) =>
    encodingFormat === 'base64' ? packVectors(writer, task.outputSchema) : writer
  switch (outputFormat) {
    case 'jsonl':
      return asAsked(createJsonlWriter(task.outputSchema))
    case 'csv':
      return asAsked(createCsvWriter(task.outputSchema, { hasIds }))
    case 'parquet': {
      const isDouble = session.signature.outputs.some(({ type }) => type === 'float64')
      return openParquetWriter(storage, task.outputSchema, {
        ids: hasIds ? ids : undefined,
        vectors: isDouble ? 'float64' : 'float32',
      })
    }
  }
}
