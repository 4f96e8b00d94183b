import { shortestFloat32 } from './shortest-float.ts'
import type { TensorData } from './tensor.ts'

/**
 * Gives the elements of an output as JSON values: floats as the shortest decimal of their precision, NaN and the
 * infinities as strings, integers of 64 bits as strings beyond 2^53.
 */
export const createReader = ({ type, data }: TensorData): ((index: number) => unknown) => {
  if (data instanceof Float32Array) return (index) => floatToJson(data[index] ?? NaN, shortestFloat32)
  if (data instanceof Float64Array) return (index) => floatToJson(data[index] ?? NaN, asItIs)
  // fewer digits would do for a float16, but be as much as 1 in 2,000 off
  if (data instanceof Float16Array) return (index) => floatToJson(data[index] ?? NaN, shortestFloat32)
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return (index) => bigIntegerToJson(data[index] ?? 0n)
  }
  if (type === 'bool') return (index) => data[index] === 1
  return (index) => data[index]
}

const floatToJson = (value: number, shorten: (value: number) => number) =>
  Number.isFinite(value) ? shorten(value) : String(value)

const asItIs = (value: number) => value

const bigIntegerToJson = (value: bigint) => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
