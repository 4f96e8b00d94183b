import type { ParsedRow } from '../batch-row.ts'
import type { Chunk } from '../plan-chunks.ts'
import { cutInput } from '../row-source.ts'
import type { RowBatch, RowSource } from '../row-source.ts'
import { ColumnReader } from './column-reader.ts'
import { HeldMemory } from './held-memory.ts'
import type { ParquetFile } from './open-parquet.ts'
import { toRowId } from './parquet-plan.ts'
import type { ParquetPlan } from './parquet-plan.ts'

export type ParquetSourceOptions = {
  file: ParquetFile
  plan: ParquetPlan
  chunk: Pick<Chunk, 'firstRow' | 'rows'>
  /** what the pages that are decoded at a time may take together */
  maxHeldBytes?: number | undefined
}

/**
 * The rows of a chunk of a Parquet file. Only columns that the model needs are read, and of each a page at a time.
 */
export const createParquetSource = (options: ParquetSourceOptions): RowSource => ({
  locate: options.plan.locate,
  read: (rowsAtOnce) => readBatches(options, rowsAtOnce),
})

async function* readBatches(
  { file, plan, chunk, maxHeldBytes }: ParquetSourceOptions,
  rowsAtOnce: number,
): AsyncGenerator<RowBatch> {
  const held = new HeldMemory(maxHeldBytes)
  const { firstRow } = chunk
  const readers = plan.columns.map((column) => new ColumnReader({ file, column, held, firstRow }))
  const idReader = plan.id && new ColumnReader({ file, column: plan.id, held, firstRow })
  for (let left = chunk.rows; left > 0; left -= rowsAtOnce) {
    const count = Math.min(left, rowsAtOnce)
    const cells: unknown[][] = []
    for (const reader of readers) cells.push(await reader.take(count))
    const ids = await idReader?.take(count)
    yield toBatch(plan, cells, { count, ids })
  }
}

const toBatch = (
  plan: ParquetPlan,
  cells: unknown[][],
  { count, ids }: { count: number; ids: unknown[] | undefined },
): RowBatch => {
  const { columns, id, toInput } = plan
  const values = columns.map(({ toValue }, column) => {
    const given = cells[column] ?? []
    return toValue ? given.map(toValue) : given
  })
  const rows: ParsedRow[] = []
  for (let row = 0; row < count; row++) {
    const ofRow: unknown[] = []
    for (const column of values) ofRow.push(column[row])
    rows.push({ id: toRowId(ids?.[row]), value: toInput(ofRow) })
  }
  const inputOf = (row: number) => {
    const named = columns.map(({ name }, column) => [name, cells[column]?.[row]])
    const input = Object.fromEntries(id ? [[id.name, ids?.[row]], ...named] : named)
    return cutInput(Buffer.from(JSON.stringify(input)))
  }
  return { rows, inputOf }
}
