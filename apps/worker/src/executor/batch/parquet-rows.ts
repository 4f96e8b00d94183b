import { buffer } from 'node:stream/consumers'
import type { JsonSchema } from '@onqueue/shared'
import { bytesOfSegments, openSegments } from '@onqueue/shared/storage'
import type { Segment, Storage } from '@onqueue/shared/storage'
import type { AsyncBuffer } from 'hyparquet'
import type { Task } from '../../tasks/task.ts'
import type { BatchFile } from './batch-file.ts'
import type { FileReader, FileWriter } from './file-rows.ts'
import { openParquet } from './parquet/open-parquet.ts'
import { parquetTable } from './parquet/parquet-columns.ts'
import type { ParquetColumnOptions } from './parquet/parquet-columns.ts'
import { parquetFooter } from './parquet/parquet-footer.ts'
import { planParquet } from './parquet/parquet-plan.ts'
import { createParquetSource } from './parquet/parquet-source.ts'
import { createParquetWriter } from './parquet/parquet-writer.ts'
import { parquetChunkRows, planParquetChunks } from './parquet/plan-parquet-chunks.ts'

type Readable = Pick<Storage, 'openRange'>

/** Reads a Parquet file. Throws `InvalidFile` where it is none, or has not the columns that the model needs. */
export const openParquetRows = async (
  storage: Readable,
  file: BatchFile,
  task: Task,
): Promise<FileReader> => {
  const { idColumn, extraColumns } = file
  const parquet = await openParquet(toAsyncBuffer(storage, file.input))
  const plan = planParquet(parquet, task.inputSchema, { idColumn: idColumn ?? undefined, extraColumns })
  return {
    ids: plan.id?.type.values === 'integer' ? 'integer' : 'text',
    plan: async function* (cursor, rowMs) {
      const chunkRows = parquetChunkRows({ rows: parquet.rows, rowMs })
      yield* planParquetChunks({ file: parquet, cursor, chunkRows })
    },
    open: async (chunk) => ({
      source: createParquetSource({ file: parquet, plan, chunk }),
      close: () => undefined,
    }),
  }
}

/** Writes a Parquet file. */
export const openParquetWriter = (
  storage: Readable,
  outputSchema: JsonSchema,
  options: ParquetColumnOptions,
): FileWriter => ({
  ...createParquetWriter(outputSchema, options),
  footer: (parts) =>
    parquetFooter(
      parts.map((part) => toAsyncBuffer(storage, [part])),
      parquetTable(outputSchema, options).schema,
    ),
})

/** Segments as hyparquet reads them. */
const toAsyncBuffer = (storage: Readable, segments: readonly Segment[]): AsyncBuffer => {
  const byteLength = bytesOfSegments(segments)
  return {
    byteLength,
    slice: async (start, end = byteLength) => {
      const range = { start, end: Math.min(end, byteLength) }
      const bytes = await buffer(await openSegments(storage, segments, range))
      return new Uint8Array(bytes).buffer
    },
  }
}
