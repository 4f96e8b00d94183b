import type { Encoding, SchemaElement } from 'hyparquet'
import { byteArrays, plainValues } from './plain-values.ts'
import type { ReadValue } from './plain-values.ts'
import { readDeltas } from './read-deltas.ts'
import { readRuns } from './read-runs.ts'

/** The values of a dictionary page. */
export type Dictionary = { count: number; read: ReadValue }

/** Each is made once, however often it is in the column. */
export const dictionaryOf = (bytes: Uint8Array, count: number, element: SchemaElement): Dictionary => {
  const read = plainValues(bytes, count, element)
  const values: unknown[] = []
  return { count, read: (index) => (values[index] ??= read(index)) }
}

/** The values of a page, without its levels and nulls. Throws where the bytes don't have them. */
export const pageValues = (
  bytes: Uint8Array,
  count: number,
  {
    encoding,
    element,
    dictionary,
  }: { encoding: Encoding; element: SchemaElement; dictionary?: Dictionary | undefined },
): ReadValue => {
  switch (encoding) {
    case 'PLAIN':
      return plainValues(bytes, count, element)
    case 'PLAIN_DICTIONARY':
    case 'RLE_DICTIONARY':
      return indexedValues(bytes, count, dictionary)
    case 'RLE':
      return booleanRuns(bytes, count, element)
    case 'BYTE_STREAM_SPLIT':
      return plainValues(joinStreams(bytes, count), count, element)
    case 'DELTA_BINARY_PACKED':
      return plainValues(unpackDeltas(bytes, count, element), count, element)
    case 'DELTA_LENGTH_BYTE_ARRAY':
      return lengthsThenBytes(bytes, count, element)
    case 'DELTA_BYTE_ARRAY':
      return prefixesThenSuffixes(bytes, count, element)
    case 'BIT_PACKED':
    case 'GROUP_VAR_INT':
      throw new RangeError(`values in encoding ${encoding}`)
  }
}

const indexedValues = (bytes: Uint8Array, count: number, dictionary: Dictionary | undefined): ReadValue => {
  if (!dictionary) throw new RangeError('a page without its dictionary')
  const indexes = new Uint32Array(count)
  // a page of nulls may have no bytes at all
  if (count > 0) readRuns(bytes, 1, bytes[0] ?? 0, indexes)
  for (const index of indexes) {
    if (index >= dictionary.count) throw new RangeError('a value that its dictionary has not')
  }
  return (index) => dictionary.read(indexes[index] ?? 0)
}

/** Behind four bytes that say how long they are. */
const booleanRuns = (bytes: Uint8Array, count: number, { type }: SchemaElement): ReadValue => {
  if (type !== 'BOOLEAN') throw new RangeError(`runs of ${type}`)
  const values = new Uint8Array(count)
  readRuns(bytes, 4, 1, values)
  return (index) => values[index] === 1
}

/** All first bytes, then all second ones, and so on. */
const joinStreams = (bytes: Uint8Array, count: number) => {
  const width = count === 0 ? 0 : bytes.length / count
  const joined = new Uint8Array(bytes.length)
  for (let place = 0; place < width; place++) {
    for (let index = 0; index < count; index++)
      joined[index * width + place] = bytes[place * count + index] ?? 0
  }
  return joined
}

const unpackDeltas = (bytes: Uint8Array, count: number, { type }: SchemaElement) => {
  const { values } = readDeltas(bytes, 0, count)
  return new Uint8Array(type === 'INT32' ? Int32Array.from(values, toInt32).buffer : values.buffer)
}

const toInt32 = (value: bigint) => Number(BigInt.asIntN(32, value))

const lengthsThenBytes = (bytes: Uint8Array, count: number, element: SchemaElement): ReadValue => {
  const { lengths, end } = readLengths(bytes, 0, count)
  const starts = new Uint32Array(count)
  const ends = new Uint32Array(count)
  let offset = end
  for (let index = 0; index < count; index++) {
    starts[index] = offset
    offset += lengths[index] ?? 0
    ends[index] = offset
  }
  if (offset > bytes.length) throw new RangeError('a page has fewer bytes than its values')
  return byteArrays(bytes, { starts, ends }, element)
}

/** Of each value only what differs from the one before is there. */
const prefixesThenSuffixes = (bytes: Uint8Array, count: number, element: SchemaElement): ReadValue => {
  const { lengths: prefixes, end: suffixesStart } = readLengths(bytes, 0, count)
  const { lengths: suffixes, end } = readLengths(bytes, suffixesStart, count)
  const starts = new Uint32Array(count)
  const ends = new Uint32Array(count)
  let size = 0
  for (let index = 0; index < count; index++) {
    starts[index] = size
    size += (prefixes[index] ?? 0) + (suffixes[index] ?? 0)
    ends[index] = size
  }
  if (size > maxJoinedBytes) throw new RangeError('values that are too long together')
  const joined = new Uint8Array(size)
  let offset = end
  for (let index = 0; index < count; index++) {
    const [start = 0, prefix = 0, suffix = 0] = [starts[index], prefixes[index], suffixes[index]]
    const before = starts[index - 1] ?? 0
    joined.copyWithin(start, before, before + prefix)
    joined.set(bytes.subarray(offset, offset + suffix), start + prefix)
    offset += suffix
  }
  if (offset > bytes.length) throw new RangeError('a page has fewer bytes than its values')
  return byteArrays(joined, { starts, ends }, element)
}

/** As much as is made of one page of values that begin alike. */
const maxJoinedBytes = 268_435_456

const readLengths = (bytes: Uint8Array, start: number, count: number) => {
  const { values, end } = readDeltas(bytes, start, count)
  if (values.some((length) => length < 0n || length > maxJoinedBytes))
    throw new RangeError('impossible lengths')
  return { lengths: Uint32Array.from(values, Number), end }
}
