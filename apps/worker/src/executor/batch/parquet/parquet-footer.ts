import { parquetMetadataAsync } from 'hyparquet'
import type { AsyncBuffer, ColumnChunk, FileMetaData, RowGroup, SchemaElement } from 'hyparquet'
import { ByteWriter } from 'hyparquet-writer'
import { writeMetadata } from 'hyparquet-writer/src/metadata.js'

/** What a Parquet file begins and ends with. */
export const parquetMagic = 'PAR1'

const magicBytes = parquetMagic.length

/** Footers of parts are small: a row group or two. */
const footerBytes = 16_384

/**
 * What ends a Parquet file whose parts are these, in their order, behind `PAR1`. `schemaOfNone` is the schema of a file
 * that has no part; all others have the one that their parts have.
 */
export const parquetFooter = async (
  parts: Iterable<AsyncBuffer> | AsyncIterable<AsyncBuffer>,
  schemaOfNone: SchemaElement[],
): Promise<Buffer> => {
  let schema = schemaOfNone
  const rowGroups: RowGroup[] = []
  let offset = magicBytes
  for await (const part of parts) {
    const metadata = await parquetMetadataAsync(asFile(part), { initialFetchSize: footerBytes })
    schema = metadata.schema
    const shift = BigInt(offset - magicBytes)
    rowGroups.push(...metadata.row_groups.map((group) => shiftGroup(group, shift)))
    offset += part.byteLength
  }
  const writer = new ByteWriter()
  writeFooter(writer, schema, rowGroups)
  return Buffer.from(writer.getBytes())
}

/** Ends a file, or a part. */
export const writeFooter = (writer: ByteWriter, schema: SchemaElement[], rowGroups: RowGroup[]) => {
  const metadata: FileMetaData = {
    version: 2,
    created_by: 'OnQueue',
    schema,
    num_rows: rowGroups.reduce((sum, { num_rows }) => sum + num_rows, 0n),
    row_groups: rowGroups,
    metadata_length: 0,
  }
  writeMetadata(writer, metadata)
  writer.appendBytes(Buffer.from(parquetMagic))
}

/** A part, as the file that it would be by itself. */
const asFile = (part: AsyncBuffer): AsyncBuffer => {
  const byteLength = part.byteLength + magicBytes
  return {
    byteLength,
    slice: (start, end = byteLength) =>
      part.slice(Math.max(0, start - magicBytes), Math.max(0, end - magicBytes)),
  }
}

const shiftGroup = (group: RowGroup, shift: bigint): RowGroup => ({
  ...group,
  columns: group.columns.map((column) => shiftColumn(column, shift)),
})

const shiftColumn = (column: ColumnChunk, shift: bigint): ColumnChunk => {
  const { meta_data: data } = column
  const dictionary = data?.dictionary_page_offset
  return {
    ...column,
    file_offset: column.file_offset + shift,
    ...(data && {
      meta_data: {
        ...data,
        data_page_offset: data.data_page_offset + shift,
        ...(dictionary !== undefined && { dictionary_page_offset: dictionary + shift }),
      },
    }),
  }
}
