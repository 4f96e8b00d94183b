import type { ElementType } from './tensor.ts'

/** Bounds, inclusive, of the integer types whose values are all exact in a JavaScript number. */
export const smallIntegerRange = {
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int8: [-128, 127],
  uint8: [0, 255],
} as const

export const bigIntegerRange = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const

/** The least magnitude that no longer rounds to a finite value: halfway between the largest and what would follow. */
export const overflowOf = {
  float32: 2 ** 128 - 2 ** 103,
  float16: 65520,
} as const

export type SmallInteger = keyof typeof smallIntegerRange
export type BigInteger = keyof typeof bigIntegerRange

export const isBigInteger = (type: ElementType): type is BigInteger => type in bigIntegerRange
