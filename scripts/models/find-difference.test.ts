import { expect, test } from 'vitest'
import { outputElementSchema } from '../../apps/worker/src/tensors/element-schema.ts'
import { findDifference } from './find-difference.ts'

const number = outputElementSchema('float32')
const find = (expected: unknown, actual: unknown, of = number) =>
  findDifference(expected, actual, { properties: { y: { items: of } } })

test.each([
  [1, 1.00009],
  [1000, 1000.09],
  [-1000, -1000.09],
  [0, 0.00001],
  [2, 2],
  [1430000, 1430001],
])('%d is as good as %d', (expected, actual) => {
  expect(find({ y: [expected] }, { y: [actual] })).toBe(undefined)
})

test.each([
  [1, 1.0002],
  [1000, 1000.2],
  [0, 0.00002],
  [0.5, -0.5],
])('%d is not %d', (expected, actual) => {
  expect(find({ y: [0, expected] }, { y: [0, actual] })).toEqual({
    pointer: '/y/1',
    detail: `expected ${expected}, got ${actual}`,
  })
})

test.each(['int32', 'int64', 'uint64'] as const)('%s has to be the same', (type) => {
  const integer = outputElementSchema(type)

  expect(find({ y: [100_000] }, { y: [100_001] }, integer)).toEqual({
    pointer: '/y/0',
    detail: 'expected 100000, got 100001',
  })
  expect(find({ y: [100_000] }, { y: [100_000] }, integer)).toBe(undefined)
})

test('a class has to be the same, also where classes are numbers', () => {
  const schema = { properties: { prediction: { enum: [100_000, 100_001] } } }

  expect(findDifference({ prediction: 100_000 }, { prediction: 100_001 }, schema)?.pointer).toBe(
    '/prediction',
  )
})

test.each([
  [{ y: ['a'] }, { y: ['b'] }, '/y/0', 'expected "a", got "b"'],
  [{ y: [1] }, { y: ['NaN'] }, '/y/0', 'expected 1, got "NaN"'],
  [{ y: [true] }, { y: [false] }, '/y/0', 'expected true, got false'],
  [{ y: [1, 2] }, { y: [1] }, '/y', 'expected 2 elements, got 1'],
  [{ y: [1] }, { y: 1 }, '/y', 'expected [1], got 1'],
  [{ y: [1] }, {}, '/y', 'expected [1], and it is missing'],
  [{}, { y: [1] }, '/y', 'is not expected, and is [1]'],
  [{ y: null }, { y: 0 }, '/y', 'expected null, got 0'],
  [{ 'a/b~c': 1 }, { 'a/b~c': 2 }, '/a~1b~0c', 'expected 1, got 2'],
])('%j is not %j', (expected, actual, pointer, detail) => {
  expect(find(expected, actual)).toEqual({ pointer, detail })
})

test('what is long is cut', () => {
  expect(find({ y: ['a'.repeat(100)] }, { y: [1] })?.detail).toBe(`expected "${'a'.repeat(58)}…, got 1`)
})
