import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseNumber } from './parse-number.ts'

const parse = (text: string) => {
  const bytes = Buffer.from(`,${text},`)
  return parseNumber(bytes, 1, bytes.length - 1)
}

test('a number is what JavaScript takes it for, to the last bit', () => {
  const texts = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.float({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.tuple(fc.integer(), fc.nat()).map(([whole, decimals]) => `${whole}.${decimals}`),
    fc.tuple(fc.bigInt(), fc.integer({ min: -400, max: 400 })).map(([digits, power]) => `${digits}e${power}`),
    fc.stringMatching(/^-?[0-9]{1,20}\.[0-9]{0,20}$/),
  )

  fc.assert(
    fc.property(texts, (text) => {
      expect(parse(text)).toBe(Number(text))
    }),
    { numRuns: 20_000 },
  )
})

test.each([
  ['5.', 5],
  ['.5', 0.5],
  ['+5', 5],
  [' 5.1\t', 5.1],
  ['-0', -0],
  ['007', 7],
  ['1E3', 1000],
])('%j is a number', (text, value) => {
  expect(parse(text)).toBe(value)
})

test.each([
  '',
  ' ',
  '-',
  '.',
  'e5',
  '1e',
  '1,5',
  '1 2',
  '0x10',
  'NaN',
  'Infinity',
  '1_000',
  '--1',
  '1.2.3',
  '٣',
])('%j is none', (text) => {
  expect(parse(text)).toBe(NaN)
})
