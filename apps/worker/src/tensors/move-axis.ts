import { elementCount } from './tensor.ts'
import type { Elements, TensorData } from './tensor.ts'

/** The same tensor with one of its axes in front of the others. */
export const axisToFront = ({ type, data, dims }: TensorData, axis: number): TensorData => {
  const [length = 1] = dims.slice(axis)
  const moved = moveBlocks(data, dims, axis, ({ apart, together }) => [apart, together])
  return { type, data: moved, dims: [length, ...dims.toSpliced(axis, 1)] }
}

/** Undoes `axisToFront`. */
export const axisFromFront = ({ type, data, dims }: TensorData, axis: number): TensorData => {
  const [length = 1, ...others] = dims
  const back = others.toSpliced(axis, 0, length)
  return { type, data: moveBlocks(data, back, axis, ({ apart, together }) => [together, apart]), dims: back }
}

/** Where elements are that stay beside each other: with the axis in its place, and with it in front. */
type Block = { apart: number; together: number }

/** `dims` are those with the axis in its place. */
const moveBlocks = (
  data: Elements,
  dims: readonly number[],
  axis: number,
  wayOf: (block: Block) => [from: number, to: number],
): Elements => {
  const moved = data.slice()
  const before = elementCount(dims.slice(0, axis))
  const length = dims[axis] ?? 1
  const size = elementCount(dims.slice(axis + 1))
  const copy = copierOf(data, moved, size)
  for (let outer = 0; outer < before; outer++) {
    for (let index = 0; index < length; index++) {
      copy(...wayOf({ apart: (outer * length + index) * size, together: (index * before + outer) * size }))
    }
  }
  return moved
}

/** Copies so many elements from one place to another. Numbers go byte by byte, whatever their type. */
const copierOf = (source: Elements, target: Elements, size: number) => {
  if (Array.isArray(source) || Array.isArray(target)) {
    return (from: number, to: number) => {
      for (let index = 0; index < size; index++) target[to + index] = source[from + index] ?? ''
    }
  }
  const width = source.BYTES_PER_ELEMENT
  const [sourceBytes, targetBytes] = [bytesOf(source), bytesOf(target)]
  return (from: number, to: number) =>
    targetBytes.set(sourceBytes.subarray(from * width, (from + size) * width), to * width)
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Exclude<Elements, string[]>) =>
  new Uint8Array(buffer, byteOffset, byteLength)
