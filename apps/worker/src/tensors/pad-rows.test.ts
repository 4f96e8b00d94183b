import { expect, test } from 'vitest'
import { cutRows, padRows } from './pad-rows.ts'
import { elementTypes } from './tensor.ts'
import type { ElementType, Elements, TensorData } from './tensor.ts'

/** Three rows of two elements each, and the same with the last row repeated twice. */
const cases: Record<ElementType, [rows: Elements, padded: Elements]> = {
  float32: [Float32Array.of(1.5, -2, 0, 4, NaN, 6), Float32Array.of(1.5, -2, 0, 4, NaN, 6, NaN, 6, NaN, 6)],
  float64: [
    Float64Array.of(0.1, 1e300, 0, 4, 5, -0.2),
    Float64Array.of(0.1, 1e300, 0, 4, 5, -0.2, 5, -0.2, 5, -0.2),
  ],
  float16: [Float16Array.of(0.5, 65504, 0, 4, 5, -6), Float16Array.of(0.5, 65504, 0, 4, 5, -6, 5, -6, 5, -6)],
  int64: [
    BigInt64Array.of(1n, 2n, 3n, 4n, 2n ** 60n, -6n),
    BigInt64Array.of(1n, 2n, 3n, 4n, 2n ** 60n, -6n, 2n ** 60n, -6n, 2n ** 60n, -6n),
  ],
  uint64: [
    BigUint64Array.of(1n, 2n, 3n, 4n, 2n ** 64n - 1n, 6n),
    BigUint64Array.of(1n, 2n, 3n, 4n, 2n ** 64n - 1n, 6n, 2n ** 64n - 1n, 6n, 2n ** 64n - 1n, 6n),
  ],
  int32: [Int32Array.of(1, 2, 3, 4, 5, -6), Int32Array.of(1, 2, 3, 4, 5, -6, 5, -6, 5, -6)],
  uint32: [Uint32Array.of(1, 2, 3, 4, 5, 6), Uint32Array.of(1, 2, 3, 4, 5, 6, 5, 6, 5, 6)],
  int16: [Int16Array.of(1, 2, 3, 4, 5, -6), Int16Array.of(1, 2, 3, 4, 5, -6, 5, -6, 5, -6)],
  uint16: [Uint16Array.of(1, 2, 3, 4, 5, 6), Uint16Array.of(1, 2, 3, 4, 5, 6, 5, 6, 5, 6)],
  int8: [Int8Array.of(1, 2, 3, 4, 5, -6), Int8Array.of(1, 2, 3, 4, 5, -6, 5, -6, 5, -6)],
  uint8: [Uint8Array.of(1, 2, 3, 4, 5, 6), Uint8Array.of(1, 2, 3, 4, 5, 6, 5, 6, 5, 6)],
  bool: [Uint8Array.of(1, 0, 1, 1, 0, 1), Uint8Array.of(1, 0, 1, 1, 0, 1, 0, 1, 0, 1)],
  string: [
    ['a', 'b', '', 'd', 'ä', 'f'],
    ['a', 'b', '', 'd', 'ä', 'f', 'ä', 'f', 'ä', 'f'],
  ],
}

const perRow = new Set(['y'])

test.each(elementTypes)('the last row of %s is repeated, and cut off again', (type) => {
  const [data, padded] = cases[type]
  const rows: TensorData = { type, data, dims: [3, 2] }
  const filled: TensorData = { type, data: padded, dims: [5, 2] }

  expect(padRows({ x: rows }, { rows: 3, toRows: 5 })).toEqual({ x: filled })
  expect(cutRows({ y: filled }, { rows: 3, ranRows: 5, perRow })).toEqual({ y: rows })
})

test('a part of a larger array is padded by itself', () => {
  const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3)

  const { x } = padRows({ x: { type: 'float32', data, dims: [2] } }, { rows: 2, toRows: 3 })

  expect(x).toEqual({ type: 'float32', data: Float32Array.of(1, 2, 2), dims: [3] })
  expect(data).toEqual(Float32Array.of(1, 2))
})

test('rows without elements are padded to as many', () => {
  const empty: TensorData = { type: 'float32', data: Float32Array.of(), dims: [1, 0] }

  expect(padRows({ x: empty }, { rows: 1, toRows: 4 })).toEqual({ x: { ...empty, dims: [4, 0] } })
})

test('a full run stays as it is', () => {
  const tensors = { y: { type: 'int8', data: Int8Array.of(1, 2), dims: [2] } } as const

  expect(padRows(tensors, { rows: 2, toRows: 2 })).toBe(tensors)
  expect(cutRows(tensors, { rows: 2, ranRows: 2, perRow })).toBe(tensors)
})

test('an output of the run as a whole is not cut', () => {
  const total: TensorData = { type: 'float32', data: Float32Array.of(1, 2, 3, 4), dims: [4] }

  expect(cutRows({ total }, { rows: 1, ranRows: 4, perRow })).toEqual({ total })
})

test('an output that has not a slice for each row of the run has none for those that count', () => {
  const y: TensorData = { type: 'float32', data: Float32Array.of(1, 2, 3), dims: [3] }

  expect(cutRows({ y }, { rows: 3, ranRows: 8, perRow })).toEqual({
    y: { type: 'float32', data: Float32Array.of(), dims: [0] },
  })
})
