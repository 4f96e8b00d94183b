import { expect, test } from 'vitest'
import { RecordCutter } from './record-cutter.ts'
import type { TextFormat } from './record-cutter.ts'

/** Text, line and offset of all records, with what is wrong with them, of bytes that come in windows of so many. */
const cut = (
  format: TextFormat,
  text: string | Buffer,
  { windowBytes = 1e9, maxRowBytes }: { windowBytes?: number; maxRowBytes?: number } = {},
) => {
  const bytes = Buffer.from(text)
  const cutter = new RecordCutter({ format, offset: 0, line: 1, maxRowBytes })
  const records: [text: string, line: number, offset: number, problem?: string][] = []
  const take = () => {
    for (let record = cutter.next(); record; record = cutter.next()) {
      const { bytes, start, end, line, offset, problem } = record
      const seen = bytes.toString('utf8', start, end)
      records.push(problem === undefined ? [seen, line, offset] : [seen, line, offset, problem])
    }
  }
  for (let from = 0; from < bytes.length; from += windowBytes) {
    cutter.feed(bytes.subarray(from, from + windowBytes))
    take()
  }
  cutter.end()
  take()
  return records
}

const windows = [1, 2, 3, 7, 1000]

test.each(windows)(
  'lines in windows of %i bytes are records, the last one also without a line break',
  (windowBytes) => {
    expect(cut('jsonl', '{"a":"\\""}\r\n\n\r\n{}\n[1]', { windowBytes })).toEqual([
      ['{"a":"\\""}', 1, 0],
      ['{}', 4, 15],
      ['[1]', 5, 18],
    ])
  },
)

test.each(windows)(
  'line breaks in quotes are part of a record of CSV, in windows of %i bytes',
  (windowBytes) => {
    expect(cut('csv', 'a,"b\n""c"",\r\n"\r\n\n"x",y\n5" by 4", z\n', { windowBytes })).toEqual([
      ['a,"b\n""c"",\r\n"', 1, 0],
      ['"x",y', 5, 17],
      ['5" by 4", z', 6, 23],
    ])
  },
)

test.each(windows)(
  'text behind a closing quote makes one record and no other, in windows of %i bytes',
  (windowBytes) => {
    expect(cut('csv', '"a"b,"c\nd"\n"e" "f\ng,h\n', { windowBytes })).toEqual([
      ['"a"b,"c\nd"', 1, 0],
      ['"e" "f', 3, 11],
      ['g,h', 4, 18],
    ])
  },
)

test.each(windows)(
  'a quote that is never closed is told of with its line, in windows of %i bytes',
  (windowBytes) => {
    expect(() => cut('csv', 'a\n"b\nc"\nd,"e\nf\n', { windowBytes })).toThrow(
      'the quote opened in line 4 is never closed',
    )
  },
)

test.each(windows)('bytes that are no UTF-8 cost one record, in windows of %i bytes', (windowBytes) => {
  const bytes = Buffer.concat([Buffer.from('ä\n'), Buffer.from([0xe4, 0x0a]), Buffer.from('€\n')])

  expect(cut('jsonl', bytes, { windowBytes })).toEqual([
    ['ä', 1, 0],
    ['\uFFFD', 2, 3, 'is not valid UTF-8'],
    ['€', 3, 5],
  ])
})

test.each([1, 5000, 100_000])(
  'of a record that is too long only the beginning is kept, in windows of %i bytes',
  (windowBytes) => {
    const records = cut('jsonl', `a\n${'b'.repeat(10_000)}\r\nc`, { windowBytes, maxRowBytes: 5000 })

    expect(records).toEqual([
      ['a', 1, 0],
      ['b'.repeat(4096), 2, 2, 'is longer than the 5000 bytes that a row may have'],
      ['c', 3, 10_004],
    ])
  },
)

test.each([1, 7, 100_000])('a record may be as long as it may be, in windows of %i bytes', (windowBytes) => {
  const text = 'b'.repeat(5000)

  expect(cut('csv', `${text}\r\n`, { windowBytes, maxRowBytes: 5000 })).toEqual([[text, 1, 0]])
})
