import { expect, test } from 'vitest'
import { createReader } from './element-reader.ts'
import type { TensorData } from './tensor.ts'

const readAll = (tensor: TensorData) => {
  const read = createReader(tensor)
  return Array.from({ length: tensor.data.length }, (_, index) => read(index))
}

test('NaN and the infinities are strings', () => {
  const data = Float32Array.of(NaN, Infinity, -Infinity, 0.1)

  expect(readAll({ type: 'float32', data, dims: [4] })).toEqual(['NaN', 'Infinity', '-Infinity', 0.1])
})

test('integers of 64 bits are strings beyond 2^53', () => {
  const data = BigInt64Array.of(5n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 63n))

  expect(readAll({ type: 'int64', data, dims: [4] })).toEqual([
    5,
    9007199254740991,
    '9007199254740992',
    '-9223372036854775808',
  ])
})

test('bytes are booleans where the tensor is of booleans', () => {
  const data = Uint8Array.of(0, 1)

  expect(readAll({ type: 'bool', data, dims: [2] })).toEqual([false, true])
  expect(readAll({ type: 'uint8', data, dims: [2] })).toEqual([0, 1])
})

test('float64 and strings are given as they are', () => {
  expect(readAll({ type: 'float64', data: Float64Array.of(0.1 + 0.2), dims: [1] })).toEqual([
    0.30000000000000004,
  ])
  expect(readAll({ type: 'string', data: ['setosa'], dims: [1] })).toEqual(['setosa'])
})

test('a float16 keeps the digits that it has', () => {
  expect(readAll({ type: 'float16', data: Float16Array.of(0.1, 65504), dims: [2] })).toEqual([
    0.099975586, 65504,
  ])
})
