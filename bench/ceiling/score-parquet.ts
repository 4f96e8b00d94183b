import { parquetMetadata, parquetRead, parquetReadObjects } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { crc32 } from 'node:zlib'
import { openParquet } from '../../apps/worker/src/executor/batch/parquet/open-parquet.ts'
import { parquetTable } from '../../apps/worker/src/executor/batch/parquet/parquet-columns.ts'
import { parquetFooter } from '../../apps/worker/src/executor/batch/parquet/parquet-footer.ts'
import { planParquet } from '../../apps/worker/src/executor/batch/parquet/parquet-plan.ts'
import { createParquetSource } from '../../apps/worker/src/executor/batch/parquet/parquet-source.ts'
import { createParquetWriter } from '../../apps/worker/src/executor/batch/parquet/parquet-writer.ts'
import {
  parquetChunkRows,
  planParquetChunks,
} from '../../apps/worker/src/executor/batch/parquet/plan-parquet-chunks.ts'
import { scoreChunk } from '../../apps/worker/src/executor/batch/score-chunk.ts'
import type { Probe } from '../../apps/worker/src/executor/probe.ts'

/** A file, a model whose features are its columns, and how many rows run together. */
export type ParquetScoring = { probe: Probe; file: ArrayBuffer; microBatchRows: number }

/** A file of columns of integers, numbers and text, with the row groups that pandas is told to write. */
export const makeParquet = (csv: string): ArrayBuffer => {
  const [header = '', ...lines] = csv.trimEnd().split('\n')
  const cells = lines.map((line) => line.split(','))
  const columnData = header.split(',').map((name, column) => {
    const data = cells.map((row) => row[column] ?? '')
    if (data.every((cell) => /^-?\d+$/.test(cell))) {
      return { name, data: data.map(BigInt), type: 'INT64' as const }
    }
    return data.some((cell) => Number.isNaN(Number(cell)))
      ? { name, data, type: 'STRING' as const }
      : { name, data: data.map(Number), type: 'DOUBLE' as const }
  })
  return parquetWriteBuffer({ columnData, rowGroupSize: 100_000 })
}

/** What anybody would write with hyparquet and hyparquet-writer who knows that every row is good. */
export const scoreParquetBare = async ({
  probe: { session, task },
  file,
  microBatchRows,
}: ParquetScoring): Promise<ArrayBuffer> => {
  const metadata = parquetMetadata(file)
  const names = metadata.schema.slice(1).map(({ name }) => name)
  const predictions: unknown[] = []
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows)
    const columns = new Map(names.map((name): [string, unknown[]] => [name, []]))
    await parquetRead({
      file,
      metadata,
      rowStart,
      rowEnd,
      onChunk: ({ columnName, columnData }) => {
        const column = columns.get(columnName)
        for (const value of columnData) column?.push(typeof value === 'bigint' ? toJson(value) : value)
      },
    })
    const cells = [...columns.values()]
    for (let from = 0; from < rowEnd - rowStart; from += microBatchRows) {
      const inputs: unknown[] = []
      for (let row = from; row < Math.min(rowEnd - rowStart, from + microBatchRows); row++) {
        inputs.push({ features: cells.map((column) => column[row]) })
      }
      const { groups } = await task.encode(inputs)
      const outputs = await session.run(groups[0]?.feeds ?? {}, task.outputNames)
      for (const result of task.decode(outputs, inputs.length)) {
        if (!result.ok) throw new Error(result.detail)
        predictions.push(Object.values(Object(result.output))[0])
      }
    }
    rowStart = rowEnd
  }
  return parquetWriteBuffer({
    statistics: false,
    rowGroupSize: 100_000,
    columnData: [
      { name: 'row', data: predictions.map((_, row) => BigInt(row)), type: 'INT64' },
      { name: 'prediction', data: predictions, type: 'DOUBLE' },
      { name: 'error_code', data: predictions.map(() => null), type: 'STRING' },
    ],
  })
}

/** What a task takes for an integer. */
const toJson = (value: bigint) => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

export const scoreParquetByChunks = async ({
  probe,
  file,
  microBatchRows,
}: ParquetScoring): Promise<ArrayBuffer> => {
  const { inputSchema, outputSchema } = probe.task
  const opened = await openParquet(file)
  const plan = planParquet(opened, inputSchema)
  const writer = createParquetWriter(outputSchema)
  const cursor = { chunk: 0, offset: 0, row: 0, line: 0 }
  const chunkRows = parquetChunkRows({ rows: opened.rows, rowMs: 0.001 })
  const parts: Buffer[] = []
  for (const { chunk } of planParquetChunks({ file: opened, cursor, chunkRows })) {
    const pieces: Buffer[] = []
    const { failed } = await scoreChunk({
      probe,
      writer,
      chunk,
      source: createParquetSource({ file: opened, plan, chunk }),
      microBatchRows,
      output: (piece) => void pieces.push(piece),
      errors: () => undefined,
    })
    if (failed > 0) throw new Error(`${failed} rows failed`)
    parts.push(Buffer.concat(pieces))
  }
  const footer = await parquetFooter(
    parts.map((part) => new Uint8Array(part).buffer),
    parquetTable(outputSchema).schema,
  )
  return new Uint8Array(Buffer.concat([Buffer.from(writer.header), ...parts, footer])).buffer
}

/** The bytes of two writers are not the same, but what they say. */
export const checkPredictions = async (file: ArrayBuffer) => {
  const rows = await parquetReadObjects({ file, columns: ['prediction'] })
  const predictions = Float64Array.from(rows, (row) => Number(row['prediction']))
  return { rows: rows.length, crc: crc32(Buffer.from(predictions.buffer)) }
}
