import type { JsonSchema } from '@onqueue/shared'
import type { RowGroup } from 'hyparquet'
import { ByteWriter } from 'hyparquet-writer'
import type { RowId } from '../batch-row.ts'
import { parquetTable } from './parquet-columns.ts'
import type { ParquetColumnOptions, ParquetTable } from './parquet-columns.ts'
import { parquetMagic, writeFooter } from './parquet-footer.ts'
import { writeRowGroup } from './parquet-group.ts'
import type { PartWriter, RowEnd, RowWriter } from '../row-writer.ts'

/** A row group ends with the micro-batch that gets it so far; a number in a list is a value as any other. */
const maxValuesOfGroup = 2_000_000

type WriterOptions = ParquetColumnOptions & { maxValues?: number }

/**
 * `row, id?, …output, error_code`, null where a row failed.
 *
 * A part is what a Parquet file of its rows alone has behind its first four bytes: row groups, and a footer that says
 * where they are. The file is `PAR1`, the parts as they are, and one footer, which `parquetFooter` makes of theirs; so it
 * can be made whoever was killed, of nothing but the parts. Readers follow the offsets of the last footer, and pass over
 * those between the row groups, 60 bytes or so a column.
 */
export const createParquetWriter = (
  outputSchema: JsonSchema,
  { maxValues = maxValuesOfGroup, ...options }: WriterOptions = {},
): RowWriter => {
  const table = parquetTable(outputSchema, options)
  return { header: parquetMagic, beginPart: () => new ParquetPart(table, maxValues) }
}

class ParquetPart implements PartWriter {
  readonly #table: ParquetTable
  readonly #maxValues: number
  readonly #bytes = new ByteWriter()
  readonly #rowGroups: RowGroup[] = []
  #waiting: WaitingRows

  constructor(table: ParquetTable, maxValues: number) {
    this.#table = table
    this.#maxValues = maxValues
    this.#waiting = noRows(table)
    // where a file has its magic number, which is no part of this
    this.#bytes.offset = parquetMagic.length
  }

  add(row: number, id: RowId | undefined, end: RowEnd) {
    const { output, id: idColumn } = this.#table
    const { rows, ids, values, errorCodes } = this.#waiting
    const isGood = 'output' in end
    rows.push(BigInt(row))
    if (idColumn) ids.push(id === undefined ? null : idColumn.toStored(id))
    for (let index = 0; index < output.length; index++) {
      const column = output[index]
      const value = isGood && column ? column.toStored(column.read(end.output)) : null
      values[index]?.push(value)
      this.#waiting.count += Array.isArray(value) ? value.length : 1
    }
    errorCodes.push(isGood ? null : end.errorCode)
  }

  take() {
    if (this.#waiting.count >= this.#maxValues) this.#endGroup()
    const taken = Buffer.from(this.#bytes.getBytes())
    this.#bytes.index = 0
    return taken
  }

  end() {
    this.#endGroup()
    writeFooter(this.#bytes, this.#table.schema, this.#rowGroups)
    return this.take()
  }

  #endGroup() {
    const { row, id, output, errorCode, root } = this.#table
    const { rows, ids, values, errorCodes } = this.#waiting
    if (rows.length === 0) return
    const columns = [
      { ...row, values: rows, encoding: 'DELTA_BINARY_PACKED' as const },
      ...(id ? [{ ...id, values: ids }] : []),
      ...output.map((column, index) => ({ ...column, values: values[index] ?? [] })),
      { ...errorCode, values: errorCodes },
    ]
    this.#rowGroups.push(writeRowGroup(this.#bytes, root, columns))
    this.#waiting = noRows(this.#table)
  }
}

/** Rows that are to be a row group: what is stored, column by column, and how many values that is. */
type WaitingRows = ReturnType<typeof noRows>

const noRows = ({ output }: ParquetTable) => {
  const rows: bigint[] = []
  const ids: unknown[] = []
  const errorCodes: (string | null)[] = []
  return { rows, ids, values: output.map((): unknown[] => []), errorCodes, count: 0 }
}
