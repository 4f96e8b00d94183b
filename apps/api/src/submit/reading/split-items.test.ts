import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitItems } from './split-items.ts'
import type { BulkLayout } from './split-items.ts'

const split = (text: string, layout: BulkLayout) =>
  splitItems(new Uint8Array(Buffer.from(text)), layout).map(({ bytes, firstLine }) => ({
    text: Buffer.from(bytes).toString(),
    firstLine,
  }))
const array = (text: string) => split(text, 'array')
const lines = (text: string) => split(text, 'lines')

test('the items of an array are found whatever is in them, and where they begin', () => {
  expect(array('[{"a":[1,2],"b":"],{\\"["},\n {"c":1}]\n')).toEqual([
    { text: '{"a":[1,2],"b":"],{\\"["}', firstLine: 1 },
    { text: '\n {"c":1}', firstLine: 1 },
  ])
  expect(array('\ufeff\n[1,\n2,\n3]').map(({ firstLine }) => firstLine)).toEqual([2, 2, 3])
})

test('lines may end as on Windows, and blank ones are passed over', () => {
  expect(lines('{"a":1}\r\n\n  \n{"b":2}')).toEqual([
    { text: '{"a":1}\r', firstLine: 1 },
    { text: '{"b":2}', firstLine: 4 },
  ])
})

test('of any JSON array the items are those that JSON.parse finds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue(), { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      (values, isSpaced) => {
        const text = JSON.stringify(values, null, isSpaced ? 2 : 0)
        const found = array(text).map((item): unknown => JSON.parse(item.text))
        expect(found).toEqual(JSON.parse(text))
        const asLines = lines(values.map((value) => JSON.stringify(value)).join('\n'))
        expect(asLines.map((item): unknown => JSON.parse(item.text))).toEqual(JSON.parse(text))
      },
    ),
  )
})

test.each(['{"input":1}', '"text"', '7', 'null'])('%s is no array, and is told so', (text) => {
  expect(() => array(text)).toThrow(/takes a JSON array of 1 to 1,000/)
})

test.each(['x[1]', '[1', '[1]]', '[1}', '[1] 2', '', '["a]', '\\[1]', '[\ufeff1]'])(
  '%j is no JSON, and it says where',
  (text) => {
    expect(() => array(text)).toThrow(/the body is (?:not JSON: line 1, column|empty)/)
  },
)

test('an array without items, and more than a thousand, are refused', () => {
  expect(() => array('[ ]')).toThrow(/is empty; send 1 to 1,000/)
  expect(() => lines('\n \n')).toThrow(/is empty; send 1 to 1,000/)
  expect(array(`[${Array(1000).fill('1').join()}]`)).toHaveLength(1000)
  expect(() => array(`[${Array(1001).fill('1').join()}]`)).toThrow(/at most 1,000/)
  expect(() => lines('1\n'.repeat(1001))).toThrow(/at most 1,000/)
})
