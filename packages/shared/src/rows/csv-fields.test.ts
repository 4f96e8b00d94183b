import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitRecord } from './csv-fields.ts'
import { RecordCutter } from './record-cutter.ts'

const splitFile = (text: string) => {
  const cutter = new RecordCutter({ format: 'csv', offset: 0, line: 1 })
  const records: (string[] | string)[] = []
  const take = () => {
    for (let record = cutter.next(); record; record = cutter.next()) {
      records.push(splitRecord(record.bytes, record.start, record.end))
    }
  }
  cutter.feed(Buffer.from(text))
  take()
  cutter.end()
  take()
  return records
}

test('fields are what csv-parse reads, wherever it does', () => {
  const pieces = fc.constantFrom(
    'a',
    '1.5',
    ',',
    '"',
    '""',
    '\n',
    '\r\n',
    'ä',
    '€',
    ' ',
    '"x,y"',
    '"x\ny"',
    '"x""y"',
  )
  let read = 0

  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 25 }), (parts) => {
      const text = parts.join('')
      const theirs = tryParse(text)
      if (!theirs) return
      read += 1
      expect(splitFile(text)).toEqual(theirs)
    }),
    { numRuns: 5000 },
  )
  expect(read).toBeGreaterThan(1000)
})

const tryParse = (text: string): string[][] | undefined => {
  try {
    return parse(text, { skip_empty_lines: true, relax_column_count: true, record_delimiter: ['\n', '\r\n'] })
  } catch {
    return undefined
  }
}

test('text behind a closing quote is told of with its column, and a quote in a bare field is kept', () => {
  expect(splitFile('a,"b"c\n5" tall,d\n')).toEqual([
    'has text behind the quote that closes column 2; quotes in quotes are written twice',
    ['5" tall', 'd'],
  ])
})
