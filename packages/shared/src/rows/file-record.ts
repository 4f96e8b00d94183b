import { isUtf8 } from 'node:buffer'

/** What a row is in a file: a line, or in CSV several where a field in quotes has line breaks. */
export type FileRecord = {
  /** of its first byte in the file */
  offset: number
  /** counted from 1 */
  line: number
  /** its text is there from `start` to `end`, without the line break; of one that is too long only the beginning */
  bytes: Buffer
  start: number
  end: number
  /** only its beginning is in `bytes` */
  isCut: boolean
  problem: string | undefined
}

/** How much is kept of a record that is too long to be read. */
export const keptOfTooLong = 4096

/** A record that can't be read has a problem. `length` is that of its whole text. */
export const judgeRecord = (
  { offset, line, bytes, start, end }: Omit<FileRecord, 'isCut' | 'problem'>,
  { length, maxRowBytes, isKnownUtf8 }: { length: number; maxRowBytes: number; isKnownUtf8: boolean },
): FileRecord => {
  if (length > maxRowBytes) {
    const problem = `is longer than the ${maxRowBytes} bytes that a row may have`
    return { offset, line, bytes, start, end: Math.min(end, start + keptOfTooLong), isCut: true, problem }
  }
  const isText = isKnownUtf8 || isUtf8(bytes.subarray(start, end))
  return { offset, line, bytes, start, end, isCut: false, problem: isText ? undefined : 'is not valid UTF-8' }
}

const lineFeed = 10
const carriageReturn = 13

/** Where the text of a record ends: without the line break, which is a line feed or carriage return and line feed. */
export const contentEnd = (bytes: Buffer, start: number, next: number) => {
  if (next === start || bytes[next - 1] !== lineFeed) return next
  return next - 1 > start && bytes[next - 2] === carriageReturn ? next - 2 : next - 1
}
