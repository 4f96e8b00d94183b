import type { JsonSchema } from '@onqueue/shared'
import { isBigInteger, overflowOf, smallIntegerRange } from './element-range.ts'
import type { BigInteger, SmallInteger } from './element-range.ts'
import type { ElementType } from './tensor.ts'

const anyNumber = { type: 'number' }
const safeInteger = { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }
const nonFinite = { type: 'string', enum: ['NaN', 'Infinity', '-Infinity'] }

/** Integers of 64 bits beyond 2^53 are strings of digits; whether they fit is checked where they are encoded. */
const bigInteger = {
  int64: { anyOf: [safeInteger, { type: 'string', pattern: '^-?[0-9]{1,19}$' }] },
  uint64: {
    anyOf: [
      { ...safeInteger, minimum: 0 },
      { type: 'string', pattern: '^[0-9]{1,20}$' },
    ],
  },
}

/** JSON Schema of one element of an input. */
export const inputElementSchema = (type: ElementType): JsonSchema => {
  // ONNX Runtime takes strings to end there
  if (type === 'string') return { type: 'string', pattern: '^[^\\u0000]*$' }
  if (type === 'bool') return { type: 'boolean' }
  if (type === 'float64') return anyNumber
  if (type === 'float32' || type === 'float16') {
    const overflow = overflowOf[type]
    return { type: 'number', exclusiveMinimum: -overflow, exclusiveMaximum: overflow }
  }
  return integerSchema(type)
}

/** The same where null stands for a missing value. */
export const orMissing = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] })

/** JSON Schema of one element of an output: JSON has no NaN and no infinities, so they are strings. */
export const outputElementSchema = (type: ElementType): JsonSchema => {
  if (type === 'string') return { type: 'string' }
  if (type === 'bool') return { type: 'boolean' }
  if (type === 'float64' || type === 'float32' || type === 'float16') return { anyOf: [anyNumber, nonFinite] }
  return integerSchema(type)
}

const integerSchema = (type: SmallInteger | BigInteger): JsonSchema => {
  if (isBigInteger(type)) return bigInteger[type]
  const [minimum, maximum] = smallIntegerRange[type]
  return { type: 'integer', minimum, maximum }
}
