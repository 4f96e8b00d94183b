import { isUtf8 } from 'node:buffer'
import type { SchemaElement } from 'hyparquet'
import { parseDecimal, parseFloat16 } from 'hyparquet/src/convert.js'
import { isUnsigned } from './column-type.ts'

/**
 * Gives values as JSON has them: integers beyond 2^53 are digits. They are made when they are asked for, since of a page of a
 * million values a chunk may want few.
 */
export type ReadValue = (index: number) => unknown

/**
 * Values that lie one behind the other, each in as many bytes as its type has. Throws a `RangeError` where there are fewer
 * bytes than values.
 */
export const plainValues = (bytes: Uint8Array, count: number, element: SchemaElement): ReadValue => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { type } = element
  switch (type) {
    case 'BOOLEAN':
      atLeast(bytes, Math.ceil(count / 8))
      return (index) => ((bytes[index >> 3] ?? 0) & (1 << (index & 7))) !== 0
    case 'FLOAT':
      atLeast(bytes, count * 4)
      return (index) => view.getFloat32(index * 4, true)
    case 'DOUBLE':
      atLeast(bytes, count * 8)
      return (index) => view.getFloat64(index * 8, true)
    case 'INT32':
      atLeast(bytes, count * 4)
      return scaled(
        isUnsigned(element)
          ? (index) => view.getUint32(index * 4, true)
          : (index) => view.getInt32(index * 4, true),
        element,
      )
    case 'INT64':
      atLeast(bytes, count * 8)
      return scaled(longIntegers(view, isUnsigned(element)), element)
    case 'FIXED_LEN_BYTE_ARRAY':
      return fixedValues(bytes, count, element)
    case 'BYTE_ARRAY':
      return byteArrays(bytes, offsetsOf(view, count), element)
    case 'INT96':
    case undefined:
    default:
      throw new RangeError(`values of type ${type}`)
  }
}

/** Values that lie at `offsets`, each up to where the next one's length is, which takes four bytes. */
export const byteArrays = (
  bytes: Uint8Array,
  { starts, ends }: Places,
  element: SchemaElement,
): ReadValue => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (element.converted_type === 'DECIMAL' || element.logical_type?.type === 'DECIMAL') {
    return scaled((index) => parseDecimal(bytes.subarray(starts[index], ends[index])), element)
  }
  return (index) => {
    const text = buffer.toString('utf8', starts[index], ends[index])
    // a mark that something was replaced may have been there before
    if (text.includes('\uFFFD') && !isUtf8(bytes.subarray(starts[index], ends[index]))) {
      throw new RangeError('text that is not UTF-8')
    }
    return text
  }
}

type Places = { starts: Uint32Array; ends: Uint32Array }

const offsetsOf = (view: DataView, count: number): Places => {
  // each has a length at least
  atLeast(view, count * 4)
  const starts = new Uint32Array(count)
  const ends = new Uint32Array(count)
  let offset = 0
  for (let index = 0; index < count; index++) {
    const end = offset + 4 + view.getUint32(offset, true)
    atLeast(view, end)
    starts[index] = offset + 4
    ends[index] = end
    offset = end
  }
  return { starts, ends }
}

const longIntegers = (view: DataView, unsigned: boolean): ReadValue => {
  return (index) => {
    const high = unsigned ? view.getUint32(index * 8 + 4, true) : view.getInt32(index * 8 + 4, true)
    // less work than an integer of 64 bits, which few values need
    if (high < 2 ** 21 && high >= -(2 ** 21)) {
      const value = high * 2 ** 32 + view.getUint32(index * 8, true)
      if (value !== -(2 ** 53)) return value
    }
    return String(unsigned ? view.getBigUint64(index * 8, true) : view.getBigInt64(index * 8, true))
  }
}

const fixedValues = (bytes: Uint8Array, count: number, element: SchemaElement): ReadValue => {
  const { type_length: width = 0, logical_type: logical } = element
  atLeast(bytes, Math.max(1, width) * count)
  const valueAt = (index: number) => bytes.subarray(index * width, (index + 1) * width)
  if (logical?.type === 'FLOAT16') return (index) => parseFloat16(valueAt(index))
  return scaled((index) => parseDecimal(valueAt(index)), element)
}

/** Of decimals, integers of so many digits behind the point. */
const scaled = (read: ReadValue, { converted_type, logical_type, scale = 0 }: SchemaElement): ReadValue => {
  if (converted_type !== 'DECIMAL' && logical_type?.type !== 'DECIMAL') return read
  return (index) => Number(read(index)) / 10 ** scale
}

const atLeast = ({ byteLength }: Uint8Array | DataView, size: number) => {
  if (byteLength < size) throw new RangeError('a page has fewer values than it says')
}
