import type { ColumnChunk, Encoding, RowGroup, SchemaElement } from 'hyparquet'
import type { ByteWriter } from 'hyparquet-writer'
import { writeColumn } from 'hyparquet-writer/src/column.js'
import { snappyCompress } from 'hyparquet-writer/src/snappy.js'
import type { ColumnElements } from './parquet-columns.ts'
import { writeListChunk } from './parquet-list-chunk.ts'

/** A column with what is stored in it, a value for each row. What is stored in a list column are arrays of numbers. */
export type StoredValues = {
  elements: ColumnElements
  values: unknown[]
  encoding?: Encoding
}

const pageBytes = 1_048_576

/** Writes columns as one row group, where the writer is. */
export const writeRowGroup = (writer: ByteWriter, root: SchemaElement, columns: StoredValues[]): RowGroup => {
  const begin = writer.offset
  const chunks = columns.map((column) => writeChunk(writer, root, column))
  return {
    columns: chunks,
    total_byte_size: chunks.reduce(
      (sum, { meta_data }) => sum + (meta_data?.total_uncompressed_size ?? 0n),
      0n,
    ),
    total_compressed_size: BigInt(writer.offset - begin),
    num_rows: BigInt(columns[0]?.values.length ?? 0),
  }
}

const writeChunk = (
  writer: ByteWriter,
  root: SchemaElement,
  { elements: [element, repeated, ofList], values, encoding }: StoredValues,
): ColumnChunk => {
  if (repeated && ofList) return writeListChunk(writer, [element, repeated, ofList], values)
  const isRequired = element.repetition_type === 'REQUIRED'
  const { chunk } = writeColumn({
    writer,
    column: {
      columnName: element.name,
      element,
      schemaPath: [root, element],
      codec: 'SNAPPY',
      compressors: { SNAPPY: snappyCompress },
      // they would cost more than all the rest, and are of use to whoever looks for few of the rows
      stats: false,
      pageSize: pageBytes,
      columnIndex: false,
      offsetIndex: false,
      ...(encoding && { encoding }),
    },
    pageData: {
      values,
      repetitionLevels: [],
      definitionLevels: isRequired ? [] : values.map((value) => (value === null ? 0 : 1)),
      maxDefinitionLevel: isRequired ? 0 : 1,
    },
  })
  return chunk
}
