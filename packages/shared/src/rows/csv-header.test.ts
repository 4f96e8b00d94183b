import { expect, test } from 'vitest'
import { planColumnsOf, readCsvHeader } from './csv-header.ts'
import { refuseOtherKinds } from './file-kind.ts'

const number = { type: 'number' }
const closed = (properties: Record<string, object>) => ({
  type: 'object',
  properties,
  additionalProperties: false,
})
const named = (...names: string[]) =>
  closed({
    features: {
      anyOf: [
        { type: 'array', items: number },
        closed(Object.fromEntries(names.map((name) => [name, number]))),
      ],
    },
  })

const read = (text: string) => readCsvHeader(Buffer.from(text))

test.each([
  ['a,b\n1,2\n', { names: ['a', 'b'], offset: 4, line: 2 }],
  ['\uFEFFa,b\r\n1,2', { names: ['a', 'b'], offset: 8, line: 2 }],
  ['\n"a\nb", c \n', { names: ['a\nb', 'c'], offset: 11, line: 4 }],
  ['"a\r\nb",c\r\n', { names: ['a\r\nb', 'c'], offset: 10, line: 3 }],
  ['a,b', { names: ['a', 'b'], offset: 3, line: 1 }],
])('%j has a header', (text, header) => {
  expect(read(text)).toEqual(header)
})

test.each([
  ['', 'is empty; its first line has to name its columns'],
  ['\n\n', 'is empty; its first line has to name its columns'],
  ['a,b\r1,2\r', 'its lines end with a carriage return alone; write them with a line feed at their end'],
  [
    'a,"b"c\n',
    'its header has text behind the quote that closes column 2; quotes in quotes are written twice',
  ],
  ['a,"b\n1,2\n', 'the quote opened in line 1 is never closed; close it, or write it twice where it is text'],
  ['a,b,a\n', 'its header has the column "a" twice; give each column a name of its own'],
])('%j has none: %s', (text, detail) => {
  expect(() => read(text)).toThrow(detail)
})

test.each([
  [['width', 'size'], 'its header lacks "height"; it has "width", "size"'],
  [['width', 'heigth'], 'its header lacks "height"; is "heigth" meant to be "height"?'],
  [
    ['width;height'],
    'its header lacks "width", "height": it seems to be separated by ";"; write the file with commas',
  ],
  [
    ['width\theight'],
    'its header lacks "width", "height": it seems to be separated by tabs; write the file with commas',
  ],
])('a header of %j can not be used: %s', (header, detail) => {
  expect(() => planColumnsOf(header, named('width', 'height'))).toThrow(detail)
})

test('columns that the model does not know are ignored unless they are to be an error', () => {
  const header = ['note', 'height', 'key', 'width']

  const plan = planColumnsOf(header, named('width', 'height'), { idColumn: 'key' })

  expect(plan.places).toEqual([undefined, 1, 'id', 0])
  expect(() =>
    planColumnsOf(header, named('width', 'height'), { idColumn: 'key', extraColumns: 'error' }),
  ).toThrow('its header has "note", which the model does not know')
  expect(() => planColumnsOf(header, named('width', 'height'), { idColumn: 'id' })).toThrow(
    'its header lacks "id", the id column; it has "note", "height", "key", "width"',
  )
})

test('an input that is a list may be one column or one for each of its places', () => {
  const schema = closed({ x: { type: 'array', items: number, minItems: 2, maxItems: 2 }, y: number })

  const one = planColumnsOf(['y', 'x'], schema)
  const spread = planColumnsOf(['y', 'x.1', 'x.0'], schema)

  expect(one.places).toEqual([1, 0])
  expect(one.toInput([[1, 2], 3])).toEqual({ x: [1, 2], y: 3 })
  expect(spread.places).toEqual([2, 1, 0])
  expect(spread.toInput([1, 2, 3])).toEqual({ x: [1, 2], y: 3 })
  expect(() => planColumnsOf(['y', 'x.0'], schema)).toThrow('its header lacks "x.1"')
})

test.each([
  [Buffer.from('PAR1....'), "the file is Parquet; add -H 'content-type: application/vnd.apache.parquet'"],
  [Buffer.from([0x1f, 0x8b, 8, 0]), "the file is gzip; add -H 'content-encoding: gzip'"],
  [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), "the file is zstd; add -H 'content-encoding: zstd'"],
  [Buffer.from([0x89, 0x50, 0x4e, 0x47]), 'the file is a PNG image; send rows as CSV or JSONL'],
  [Buffer.from('\uFEFFa', 'utf16le'), 'the file is UTF-16; save it as UTF-8'],
])('%j is refused: %s', (head, detail) => {
  expect(() => refuseOtherKinds(head)).toThrow(detail)
})

test('text is not refused', () => {
  expect(() => refuseOtherKinds(Buffer.from('\uFEFFPART,b\n'))).not.toThrow()
})
