import type { ColumnChunk, SchemaElement } from 'hyparquet'
import { ByteWriter } from 'hyparquet-writer'
import { writePageHeader } from 'hyparquet-writer/src/datapage.js'
import { writeRleBitPackedHybrid } from 'hyparquet-writer/src/encoding.js'

const pageBytes = 1_048_576

/**
 * Writes a column of `optional list { repeated group { required element } }`, of numbers, as a column chunk where the writer
 * is. `hyparquet-writer` has each number of a list pass through objects, which costs ten times as much; and numbers of
 * vectors don't repeat, so that compressing them gains nothing.
 */
export const writeListChunk = (
  writer: ByteWriter,
  [list, repeated, element]: readonly [SchemaElement, SchemaElement, SchemaElement],
  lists: unknown[],
): ColumnChunk => {
  const begin = writer.offset
  const isFloat = element.type === 'FLOAT'
  const rowBytes = isFloat ? 4 : 8
  let slots = 0
  for (let first = 0; first < lists.length;) {
    let count = 0
    let end = first
    while (end < lists.length && count * rowBytes < pageBytes) count += slotsOf(lists[end++])
    writePage(writer, lists.slice(first, end), count, isFloat)
    slots += count
    first = end
  }
  const bytes = BigInt(writer.offset - begin)
  return {
    file_offset: BigInt(begin),
    meta_data: {
      type: isFloat ? 'FLOAT' : 'DOUBLE',
      encodings: ['PLAIN'],
      path_in_schema: [list.name, repeated.name, element.name],
      codec: 'UNCOMPRESSED',
      num_values: BigInt(slots),
      total_compressed_size: bytes,
      total_uncompressed_size: bytes,
      data_page_offset: BigInt(begin),
    },
  }
}

/** A list that is empty or null has a slot too. */
const slotsOf = (list: unknown) => (Array.isArray(list) ? Math.max(1, list.length) : 1)

/** An element repeats at 1 after the first; it is defined to 2, a list without any to 1, and one that is null to 0. */
const writePage = (writer: ByteWriter, lists: unknown[], slots: number, isFloat: boolean) => {
  const repeats = new Uint8Array(slots).fill(1)
  const defined = new Uint8Array(slots).fill(2)
  const values = isFloat ? new Float32Array(slots) : new Float64Array(slots)
  let slot = 0
  let count = 0
  for (const list of lists) {
    repeats[slot] = 0
    if (!Array.isArray(list) || list.length === 0) {
      defined[slot++] = list === null ? 0 : 1
      continue
    }
    // text is NaN or infinite
    for (let index = 0; index < list.length; index++) values[count++] = Number(list[index])
    slot += list.length
  }

  const levels = new ByteWriter()
  const repeatBytes = writeRleBitPackedHybrid(levels, repeats, 1)
  const definedBytes = writeRleBitPackedHybrid(levels, defined, 2)
  const size = levels.offset + count * values.BYTES_PER_ELEMENT
  writePageHeader(writer, {
    type: 'DATA_PAGE_V2',
    uncompressed_page_size: size,
    compressed_page_size: size,
    data_page_header_v2: {
      num_values: slots,
      num_nulls: slots - count,
      num_rows: lists.length,
      encoding: 'PLAIN',
      repetition_levels_byte_length: repeatBytes,
      definition_levels_byte_length: definedBytes,
      is_compressed: false,
    },
  })
  writer.appendBytes(levels.getBytes())
  writer.appendBytes(new Uint8Array(values.buffer, 0, count * values.BYTES_PER_ELEMENT))
}
