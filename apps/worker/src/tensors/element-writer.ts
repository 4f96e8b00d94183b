import { bigIntegerRange, overflowOf, smallIntegerRange } from './element-range.ts'
import type { BigInteger, SmallInteger } from './element-range.ts'
import type { ElementType, Elements } from './tensor.ts'

/**
 * Puts JSON values into the array of a tensor. `write` checks the value as `inputElementSchema` describes it and
 * answers what is wrong with it ("must be a number"), or undefined when it was written; the sentence never holds the
 * value. `finish` gives the array, cut to the elements that were used.
 */
export type ElementWriter = {
  write(index: number, value: unknown): string | undefined
  /** a missing value: NaN; only float types have one */
  writeMissing?(index: number): void
  finish(length: number): Elements
}

export const createWriter = (type: ElementType, length: number): ElementWriter => {
  switch (type) {
    case 'float32':
      return writeFloats(new Float32Array(length), overflowOf.float32, type)
    case 'float16':
      return writeFloats(new Float16Array(length), overflowOf.float16, type)
    case 'float64':
      return writeFloats(new Float64Array(length), Infinity, type)
    case 'int64':
      return writeBigIntegers(new BigInt64Array(length), type)
    case 'uint64':
      return writeBigIntegers(new BigUint64Array(length), type)
    case 'int32':
      return writeIntegers(new Int32Array(length), type)
    case 'uint32':
      return writeIntegers(new Uint32Array(length), type)
    case 'int16':
      return writeIntegers(new Int16Array(length), type)
    case 'uint16':
      return writeIntegers(new Uint16Array(length), type)
    case 'int8':
      return writeIntegers(new Int8Array(length), type)
    case 'uint8':
      return writeIntegers(new Uint8Array(length), type)
    case 'bool':
      return writeBooleans(new Uint8Array(length))
    case 'string':
      return writeStrings(Array.from({ length }, () => ''))
  }
}

const writeFloats = (
  elements: Float32Array | Float64Array | Float16Array,
  overflow: number,
  type: string,
): ElementWriter => ({
  write(index, value) {
    if (typeof value !== 'number' || Number.isNaN(value)) return 'must be a number'
    if (value >= overflow || value <= -overflow) return `is too large for ${type}`
    elements[index] = value
    return undefined
  },
  writeMissing(index) {
    elements[index] = NaN
  },
  finish: (length) => elements.subarray(0, length),
})

const writeIntegers = (
  elements: Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array,
  type: SmallInteger,
): ElementWriter => {
  const [minimum, maximum] = smallIntegerRange[type]
  return {
    write(index, value) {
      if (typeof value !== 'number' || !Number.isInteger(value)) return 'must be an integer'
      if (value < minimum || value > maximum) return `must be from ${minimum} to ${maximum} (${type})`
      elements[index] = value
      return undefined
    },
    finish: (length) => elements.subarray(0, length),
  }
}

const writeBigIntegers = (elements: BigInt64Array | BigUint64Array, type: BigInteger): ElementWriter => {
  const [minimum, maximum] = bigIntegerRange[type]
  return {
    write(index, value) {
      const integer = readBigInteger(value)
      if (typeof integer === 'string') return integer
      if (integer < minimum || integer > maximum) return `must be from ${minimum} to ${maximum} (${type})`
      elements[index] = integer
      return undefined
    },
    finish: (length) => elements.subarray(0, length),
  }
}

/** The integer, or what is wrong with the value. */
const readBigInteger = (value: unknown): bigint | string => {
  if (typeof value === 'number' && Number.isInteger(value)) {
    return Number.isSafeInteger(value) ? BigInt(value) : 'must be a string of digits, since it is beyond 2^53'
  }
  if (typeof value === 'string' && /^-?[0-9]{1,20}$/.test(value)) return BigInt(value)
  return 'must be an integer, or a string of digits'
}

const writeBooleans = (elements: Uint8Array): ElementWriter => ({
  write(index, value) {
    if (typeof value !== 'boolean') return 'must be true or false'
    elements[index] = value ? 1 : 0
    return undefined
  },
  finish: (length) => elements.subarray(0, length),
})

const writeStrings = (elements: string[]): ElementWriter => ({
  write(index, value) {
    if (typeof value !== 'string') return 'must be a string'
    // ONNX Runtime is handed C strings of UTF-8, which end at the first and have no word for the second
    if (value.includes('\0')) return 'must be without U+0000'
    if (!value.isWellFormed()) return 'must be without halves of surrogate pairs'
    elements[index] = value
    return undefined
  },
  finish: (length) => elements.slice(0, length),
})
