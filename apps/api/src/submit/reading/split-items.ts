import { AppError } from '@onqueue/shared'
import { decodeUtf8 } from '../../http/bodies/decode-utf8.ts'
import {
  backslash,
  closeBrace,
  closeBracket,
  comma,
  newline,
  openBrace,
  openBracket,
  quote,
} from '../../http/bodies/json-bytes.ts'
import { parseJson } from '../../http/bodies/parse-json.ts'

/** How the predictions of a bulk stand in its body: in a JSON array, or one a line. */
export type BulkLayout = 'array' | 'lines'

/** The text of one prediction in the body. */
export type BulkItem = {
  bytes: Uint8Array<ArrayBuffer>
  /** of its first byte, from 1 on */
  firstLine: number
}

const maxBulkItems = 1000

/**
 * Finds the predictions in the body of a bulk, without parsing them: what is wrong with one is no matter of the others. Of an array
 * that is no JSON the items are some parts of it, of which one at least is no JSON either.
 *
 * Throws `malformed_json` where there is no array, and `invalid_input` where it has no items, or too many.
 */
export const splitItems = (bytes: Uint8Array<ArrayBuffer>, layout: BulkLayout): BulkItem[] => {
  const items = layout === 'array' ? splitArray(bytes) : splitLines(bytes)
  if (items.length > 0) return items
  throw wrongCount(
    layout === 'array'
      ? 'the array is empty; send 1 to 1,000 predictions in it, each as {"input": …}'
      : 'the body is empty; send 1 to 1,000 lines, each {"input": …}',
  )
}

/**
 * Reads each prediction in the body of a bulk. An array of which one is no JSON is none either, and refused as a whole; of lines the
 * others are good. Throws what `splitItems` throws.
 */
export const readItems = <Read>(
  { bytes, members, layout }: { bytes: Uint8Array<ArrayBuffer>; members: number; layout: BulkLayout },
  readItem: (item: BulkItem) => Read,
  isMalformed: (read: Read) => boolean,
): Read[] => {
  const items = splitItems(bytes, layout).map(readItem)
  if (layout === 'array' && items.some(isMalformed)) {
    parseJson(decodeUtf8(bytes), { members })
    throw new Error('unreachable: what is no JSON in a part is none as a whole')
  }
  return items
}

const splitLines = (bytes: Uint8Array<ArrayBuffer>): BulkItem[] => {
  const items: BulkItem[] = []
  for (let start = 0, line = 1; start < bytes.length; line++) {
    const found = bytes.indexOf(newline, start)
    const end = found === -1 ? bytes.length : found
    if (!isBlank(bytes, start, end)) add(items, { bytes: bytes.subarray(start, end), firstLine: line })
    start = end + 1
  }
  return items
}

const splitArray = (bytes: Uint8Array<ArrayBuffer>): BulkItem[] => {
  const items: BulkItem[] = []
  const opens = firstFilled(bytes)
  if (bytes[opens] !== openBracket) throw notAnArray(bytes)
  let start = opens + 1
  let line = 1 + countLines(bytes, opens)
  let firstLine = line
  let depth = 1
  let isInString = false
  const close = (end: number) => {
    // decoded by itself it would be dropped
    if (isMarked(bytes, start)) throw notAnArray(bytes)
    add(items, { bytes: bytes.subarray(start, end), firstLine })
    start = end + 1
    firstLine = line
  }
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]
    if (isInString) {
      if (byte === backslash) at++
      else if (byte === quote) isInString = false
    } else if (byte === newline) line++
    else if (byte === quote) isInString = true
    else if (byte === comma && depth === 1) close(at)
    else if (byte === openBracket || byte === openBrace) depth++
    else if ((byte === closeBracket || byte === closeBrace) && --depth === 0) {
      if (byte === closeBrace || !isBlank(bytes, at + 1, bytes.length)) throw notAnArray(bytes)
      // an empty array has no item, and behind a comma there is to be one
      if (items.length > 0 || !isBlank(bytes, start, at)) close(at)
      return items
    }
  }
  throw notAnArray(bytes)
}

/** Where the text begins: behind blanks, and the byte order mark that some clients send. */
const firstFilled = (bytes: Uint8Array) => {
  let at = isMarked(bytes, 0) ? byteOrderMark.length : 0
  while (at < bytes.length && isBlank(bytes, at, at + 1)) at++
  return at
}

const isMarked = (bytes: Uint8Array, at: number) =>
  byteOrderMark.every((byte, index) => bytes[at + index] === byte)

const countLines = (bytes: Uint8Array, end: number) =>
  bytes.subarray(0, end).filter((byte) => byte === newline).length

const add = (items: BulkItem[], item: BulkItem) => {
  if (items.length === maxBulkItems)
    throw wrongCount('a request takes at most 1,000 predictions; send the others in another one')
  items.push(item)
}

/** What is no JSON says where it breaks; anything else is none of ours. */
const notAnArray = (bytes: Uint8Array) => {
  parseJson(decodeUtf8(bytes), { members: 0 })
  return wrongCount('takes a JSON array of 1 to 1,000 predictions: [{"input": …}, …]')
}

const wrongCount = (detail: string) =>
  new AppError('invalid_input', detail, { places: [{ pointer: '', detail }] })

const isBlank = (bytes: Uint8Array, from: number, to: number) => {
  for (let at = from; at < to; at++) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== newline) return false
  }
  return true
}

const byteOrderMark = [0xef, 0xbb, 0xbf]
