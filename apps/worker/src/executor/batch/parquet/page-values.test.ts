import { expect, test } from 'vitest'
import { dictionaryOf, pageValues } from './page-values.ts'
import { plainValues } from './plain-values.ts'
import { skipStruct } from './skip-struct.ts'

const element = { name: 'x', type: 'INT64' } as const

test('integers are numbers as far as those are exact, and digits beyond', () => {
  const values = [2n ** 53n - 1n, 2n ** 53n, 1n - 2n ** 53n, -(2n ** 53n)]
  const read = plainValues(new Uint8Array(BigInt64Array.from(values).buffer), 4, element)

  expect([0, 1, 2, 3].map(read)).toEqual([
    9007199254740991,
    '9007199254740992',
    -9007199254740991,
    '-9007199254740992',
  ])
})

test('a value that its dictionary has not is no value', () => {
  const dictionary = dictionaryOf(new Uint8Array(16), 2, element)
  const oneOf = (index: number) => Uint8Array.of(3, 2, index)

  expect(pageValues(oneOf(1), 1, { encoding: 'RLE_DICTIONARY', element, dictionary })(0)).toBe(0)
  expect(() => pageValues(oneOf(2), 1, { encoding: 'RLE_DICTIONARY', element, dictionary })).toThrow(
    RangeError,
  )
})

test('a number without end, and a list that is longer than the file, are not begun with', () => {
  const number = new Uint8Array(1_000_000).fill(0x80)
  number[0] = 0x16

  expect(() => skipStruct(number, 0)).toThrow('a number is too long')
  expect(() => skipStruct(Uint8Array.of(0x19, 0xf5, 0xff, 0xff, 0xff, 0x7f), 0)).toThrow(RangeError)
})
