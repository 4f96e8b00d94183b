import { expect, test } from 'vitest'
import { cleanContentType, cleanFilename, dispositionOf } from './file-name.ts'

test.each([
  ['rows.csv', 'rows.csv'],
  ['../../etc/passwd', 'passwd'],
  [String.raw`C:\data\rows.csv`, 'rows.csv'],
  ['rows\r\nSet-Cookie: a=b.csv', 'rowsSet-Cookie: a=b.csv'],
  ['a\u0000b\u007f\u2028.csv', 'ab.csv'],
  ['fdp.\u202evsc', 'fdp.vsc'],
  ['Zeilen für Zoë 行.csv', 'Zeilen für Zoë 行.csv'],
  ['  rows.csv ', 'rows.csv'],
  ['x'.repeat(300), 'x'.repeat(255)],
  ['a\ud800b', 'a\ufffdb'],
])('%j is shown as %j', (given, shown) => {
  expect(cleanFilename(given)).toBe(shown)
})

test.each([undefined, '', ' ', '.', '..', '../..', 'folder/', '\r\n'])('%j is no name', (given) => {
  expect(cleanFilename(given)).toBeNull()
})

test.each([
  'text/csv',
  'text/csv; charset=utf-8',
  'application/vnd.apache.parquet',
  'image/svg+xml',
  'a/b;c="d e"',
])('the type %s is given back', (type) => {
  expect(cleanContentType(type)).toBe(type)
})

test.each([
  undefined,
  '',
  'csv',
  'text/',
  'text/csv\r\nX: y',
  'text/csv;',
  `text/${'x'.repeat(300)}`,
  'text/c\u00e9',
])('%j is no type: it may be anything', (type) => {
  expect(cleanContentType(type)).toBe('application/octet-stream')
})

test('a file is saved under its name, whatever is in it', () => {
  expect(dispositionOf(null)).toBe('attachment')
  expect(dispositionOf('rows.csv')).toBe(`attachment; filename="rows.csv"; filename*=UTF-8''rows.csv`)
  expect(dispositionOf('a"b\\c%41.csv')).toBe(
    `attachment; filename="a_b_c_41.csv"; filename*=UTF-8''a%22b%5Cc%2541.csv`,
  )
  expect(dispositionOf("Zoë's (1).csv")).toBe(
    `attachment; filename="Zo_'s (1).csv"; filename*=UTF-8''Zo%C3%AB%27s%20%281%29.csv`,
  )
})
