import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { inputElementSchema } from './element-schema.ts'
import { createWriter } from './element-writer.ts'
import type { ElementType } from './tensor.ts'

const write = (type: ElementType, value: unknown) => {
  const writer = createWriter(type, 1)
  const problem = writer.write(0, value)
  return problem ?? writer.finish(1)[0]
}

test('numbers are written as the type holds them', () => {
  expect(write('float32', 0.1)).toBe(Math.fround(0.1))
  expect(write('float64', 0.1)).toBe(0.1)
  expect(write('float16', 1.5)).toBe(1.5)
  expect(write('int8', -128)).toBe(-128)
  expect(write('bool', true)).toBe(1)
  expect(write('string', 'a')).toBe('a')
})

test('a number that would become infinite is refused, the largest that would not is written', () => {
  const largestFloat32 = 3.4028234663852886e38

  expect(write('float32', 1e39)).toBe('is too large for float32')
  expect(write('float32', -1e39)).toBe('is too large for float32')
  expect(write('float32', 3.4028235e38)).toBe(largestFloat32)
  expect(write('float32', 2 ** 128 - 2 ** 103)).toBe('is too large for float32')
  expect(write('float16', 65519)).toBe(65504)
  expect(write('float16', 65520)).toBe('is too large for float16')
  expect(write('float64', Infinity)).toBe('is too large for float64')
})

test('integers beyond 2^53 are taken as strings of digits, as far as they fit', () => {
  expect(write('int64', 9007199254740991)).toBe(9007199254740991n)
  expect(write('int64', '9223372036854775807')).toBe(9223372036854775807n)
  expect(write('int64', '-9223372036854775808')).toBe(-9223372036854775808n)
  expect(write('uint64', '18446744073709551615')).toBe(18446744073709551615n)
  expect(write('int64', 2 ** 53)).toBe('must be a string of digits, since it is beyond 2^53')
  expect(write('int64', '9223372036854775808')).toMatch('must be from -9223372036854775808 to')
  expect(write('uint64', '-1')).toMatch('must be from 0 to')
})

test('text that ONNX Runtime would be handed as another is refused, any other is written', () => {
  for (const text of ['', '\u0001', '\ufffd', '\ufeff\ufffe\uffff', 'e\u0301', '\u{10ffff}'])
    expect(write('string', text)).toBe(text)
  for (const text of ['\0', 'a\0b']) expect(write('string', text)).toBe('must be without U+0000')
  for (const text of ['\ud800', 'a\udc00\ud800'])
    expect(write('string', text)).toBe('must be without halves of surrogate pairs')
})

test('what of all text is valid by the schema is written', () => {
  const validator = z.fromJSONSchema(inputElementSchema('string'))
  // a body has no halves of pairs in it by then
  const text = fc.string({ unit: fc.oneof(fc.constant('\0'), fc.string({ unit: 'binary', maxLength: 3 })) })

  fc.assert(
    fc.property(text, (value) => {
      expect(write('string', value) === value).toBe(validator.safeParse(value).success)
    }),
  )
})

test('a value of another type is refused without being repeated', () => {
  expect(write('float32', '1')).toBe('must be a number')
  expect(write('float32', null)).toBe('must be a number')
  expect(write('int32', 1.5)).toBe('must be an integer')
  expect(write('uint8', 256)).toBe('must be from 0 to 255 (uint8)')
  expect(write('int64', '12a')).toBe('must be an integer, or a string of digits')
  expect(write('bool', 1)).toBe('must be true or false')
  expect(write('string', 1)).toBe('must be a string')
})
