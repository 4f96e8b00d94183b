import { AppError } from '@onqueue/shared'
import type { JsonSchema, RowFormat } from '@onqueue/shared'
import {
  byteOrderMarkLength,
  InvalidFile,
  isObject,
  planColumnsOf,
  readCsvHeader,
  RecordCutter,
  refuseOtherKinds,
} from '@onqueue/shared/rows'

/** How much of a file is looked at before the rest of it is taken. */
export const headBytes = 64 * 1024

/**
 * Refuses a file that no row can be read of, by its first bytes, so that nobody uploads it for hours. Rows may still turn out to be
 * bad. Throws `invalid_file`, a sentence.
 */
export const checkHead = (
  head: Buffer,
  {
    format,
    inputSchema,
    ...columns
  }: {
    format: RowFormat
    inputSchema: JsonSchema
    idColumn: string | undefined
    extraColumns: 'ignore' | 'error'
  },
) => {
  try {
    if (format === 'parquet') return checkParquet(head)
    refuseOtherKinds(head)
    if (format === 'jsonl') return checkLines(head)
    const { names, offset } = readCsvHeader(head)
    if (offset === head.length && head.length >= headBytes && head.at(-1) !== lineFeed)
      throw new InvalidFile(`its first line is longer than ${headBytes} bytes; it has to name the columns`)
    planColumnsOf(names, inputSchema, columns)
  } catch (err) {
    if (!(err instanceof InvalidFile)) throw err
    throw new AppError('invalid_file', `the file can't be scored: ${err.message}`)
  }
}

const lineFeed = 10

/** Its columns are at its end. */
const checkParquet = (head: Buffer) => {
  if (head.toString('latin1', 0, 4) === 'PAR1') return
  refuseOtherKinds(head)
  throw new InvalidFile('is not Parquet, which begins with PAR1')
}

/** One line that is no input is one bad row; where no line is an object it is another kind of file. */
const checkLines = (head: Buffer) => {
  const offset = byteOrderMarkLength(head)
  const cutter = new RecordCutter({ format: 'jsonl', offset, line: 1 })
  cutter.feed(head.subarray(offset))
  let first: string | undefined
  for (let record = cutter.next(); record; record = cutter.next()) {
    const text = record.bytes.toString('utf8', record.start, record.end)
    first ??= text
    if (isJsonObject(text)) return
  }
  const isLast = head.length < headBytes
  if (isLast) cutter.end()
  const last = isLast ? cutter.next() : undefined
  const lastText = last?.bytes.toString('utf8', last.start, last.end)
  first ??= lastText
  if (first === undefined || (lastText !== undefined && isJsonObject(lastText))) return
  throw new InvalidFile(
    first.trimStart().startsWith('[')
      ? 'is a JSON array; write one input a line, without commas between them'
      : 'none of its first lines is a JSON object; a line is one input, such as {"features": …}',
  )
}

const isJsonObject = (text: string) => {
  try {
    return isObject(JSON.parse(text))
  } catch {
    return false
  }
}
