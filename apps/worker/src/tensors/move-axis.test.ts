import fc from 'fast-check'
import { expect, test } from 'vitest'
import { axisFromFront, axisToFront } from './move-axis.ts'
import type { TensorData } from './tensor.ts'

/** Two steps of three rows, of two numbers each. */
const timeMajor: TensorData = {
  type: 'float32',
  data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
  dims: [2, 3, 2],
}

test('an axis comes in front, and the others keep their order', () => {
  expect(axisToFront(timeMajor, 1)).toEqual({
    type: 'float32',
    data: Float32Array.of(1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12),
    dims: [3, 2, 2],
  })
})

test('the last axis may come in front', () => {
  const tensor: TensorData = { type: 'string', data: ['a', 'b', 'c', 'd', 'e', 'f'], dims: [2, 3] }

  expect(axisToFront(tensor, 1)).toEqual({
    type: 'string',
    data: ['a', 'd', 'b', 'e', 'c', 'f'],
    dims: [3, 2],
  })
})

const tensors = fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }).chain((dims) => {
  const count = dims.reduce((product, length) => product * length, 1)
  return fc.record({
    axis: fc.nat(dims.length - 1),
    tensor: fc.constantFrom<TensorData>(
      { type: 'int64', data: BigInt64Array.from({ length: count }, (_, index) => BigInt(index)), dims },
      { type: 'uint8', data: Uint8Array.from({ length: count }, (_, index) => index), dims },
      { type: 'string', data: Array.from({ length: count }, (_, index) => `${index}`), dims },
      { type: 'float32', data: new Float32Array(new ArrayBuffer(4 * count + 8), 8, count).fill(7), dims },
    ),
  })
})

test('what is moved in front is moved back', () => {
  fc.assert(
    fc.property(tensors, ({ axis, tensor }) => {
      expect(axisFromFront(axisToFront(tensor, axis), axis)).toEqual(tensor)
    }),
  )
})

test('each element is where its place says', () => {
  fc.assert(
    fc.property(tensors, ({ axis, tensor }) => {
      const moved = axisToFront(tensor, axis)
      for (let flat = 0; flat < tensor.data.length; flat++) {
        const place = placeOf(flat, tensor.dims)
        const inFront = [place[axis] ?? 0, ...place.toSpliced(axis, 1)]
        expect(moved.data[flatOf(inFront, moved.dims)]).toBe(tensor.data[flat])
      }
    }),
  )
})

const placeOf = (flat: number, dims: readonly number[]) => {
  let rest = flat
  return dims
    .toReversed()
    .map((length) => {
      const step = rest % length
      rest = Math.floor(rest / length)
      return step
    })
    .toReversed()
}

const flatOf = (place: readonly number[], dims: readonly number[]) =>
  place.reduce((flat, step, axis) => flat * (dims[axis] ?? 1) + step, 0)
