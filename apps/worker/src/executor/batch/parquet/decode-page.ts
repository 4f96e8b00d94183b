import type { CompressionCodec, PageHeader, SchemaElement } from 'hyparquet'
import { inflatePage } from './inflate-page.ts'
import type { Levels } from './list-levels.ts'
import { dictionaryOf, pageValues } from './page-values.ts'
import type { Dictionary } from './page-values.ts'
import type { ReadValue } from './plain-values.ts'
import { readRuns } from './read-runs.ts'

/** What pages of a column have in common. */
export type PageColumn = { element: SchemaElement; codec: CompressionCodec; levels: Levels }

/** A page of a column: a slot for each value, null and empty list. */
export type Page = {
  slots: number
  /** of each slot; none where all repeat at 0 */
  repetitions: Uint8Array | undefined
  /** of each slot; none where all have values */
  definitions: Uint8Array | undefined
  /** the values, without those that are null */
  read: ReadValue
}

/** How many slots a data page has; undefined of other pages. */
export const slotsOf = ({ data_page_header: one, data_page_header_v2: two, type }: PageHeader) =>
  type === 'DATA_PAGE' ? one?.num_values : type === 'DATA_PAGE_V2' ? two?.num_values : undefined

export const decodeDictionary = (
  header: PageHeader,
  body: Uint8Array,
  { element, codec }: PageColumn,
): Dictionary => {
  const { dictionary_page_header: dictionary, uncompressed_page_size: size } = header
  if (!dictionary) throw new RangeError('a dictionary without its header')
  return dictionaryOf(inflatePage(body, codec, size), dictionary.num_values, element)
}

/** Throws where the page is not what its header says. */
export const decodePage = (
  header: PageHeader,
  body: Uint8Array,
  column: PageColumn,
  dictionary: Dictionary | undefined,
): Page =>
  header.type === 'DATA_PAGE'
    ? decodeFirst(header, body, column, dictionary)
    : decodeSecond(header, body, column, dictionary)

/** Levels are compressed with the values, each behind how long they are. */
const decodeFirst = (
  { data_page_header: header, uncompressed_page_size: size }: PageHeader,
  body: Uint8Array,
  { element, codec, levels }: PageColumn,
  dictionary: Dictionary | undefined,
): Page => {
  if (!header) throw new RangeError('a page without its header')
  const { num_values: slots, encoding } = header
  const bytes = inflatePage(body, codec, size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let offset = 0
  const readLevels = (max: number, levelEncoding: string) => {
    if (max === 0) return undefined
    if (levelEncoding !== 'RLE') throw new RangeError(`levels in encoding ${levelEncoding}`)
    const start = offset + 4
    offset = start + view.getUint32(offset, true)
    return decodeLevels(bytes.subarray(start, offset), max, slots)
  }
  const repetitions = readLevels(levels.maxRepetition, header.repetition_level_encoding)
  const definitions = readLevels(levels.maxDefinition, header.definition_level_encoding)
  const count = countValues(definitions, levels, slots)
  const read = pageValues(bytes.subarray(offset), count, { encoding, element, dictionary })
  return { slots, repetitions, definitions: count === slots ? undefined : definitions, read }
}

/** Levels are as they are, in front of the values. */
const decodeSecond = (
  { data_page_header_v2: header, uncompressed_page_size: size }: PageHeader,
  body: Uint8Array,
  { element, codec, levels }: PageColumn,
  dictionary: Dictionary | undefined,
): Page => {
  if (!header) throw new RangeError('a page without its header')
  const { num_values: slots, encoding, is_compressed: isCompressed } = header
  const repetitionBytes = header.repetition_levels_byte_length
  const levelBytes = repetitionBytes + header.definition_levels_byte_length
  if (repetitionBytes < 0 || levelBytes < repetitionBytes || levelBytes > Math.min(size, body.length)) {
    throw new RangeError('levels that are longer than their page')
  }
  const { maxRepetition, maxDefinition } = levels
  const repetitions = maxRepetition
    ? decodeLevels(body.subarray(0, repetitionBytes), maxRepetition, slots)
    : undefined
  const definitions = maxDefinition
    ? decodeLevels(body.subarray(repetitionBytes, levelBytes), maxDefinition, slots)
    : undefined
  const count = countValues(definitions, levels, slots)
  const bytes = inflatePage(
    body.subarray(levelBytes),
    isCompressed === false ? 'UNCOMPRESSED' : codec,
    size - levelBytes,
  )
  const read = pageValues(bytes, count, { encoding, element, dictionary })
  return { slots, repetitions, definitions: count === slots ? undefined : definitions, read }
}

const decodeLevels = (bytes: Uint8Array, max: number, slots: number) => {
  const decoded = new Uint8Array(slots)
  readRuns(bytes, 0, 32 - Math.clz32(max), decoded)
  return decoded
}

const countValues = (definitions: Uint8Array | undefined, { maxDefinition }: Levels, slots: number) => {
  if (!definitions) return slots
  let count = 0
  for (const definition of definitions) if (definition === maxDefinition) count += 1
  return count
}
