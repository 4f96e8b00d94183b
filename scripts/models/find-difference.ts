import { isObject, pointerStep } from '@onqueue/shared/rows'
import type { JsonSchema } from '../../packages/shared/src/contract/version-interface.ts'

/** Where an answer is another than the one that is right: a JSON Pointer into it, and what stands there. */
export type Difference = { pointer: string; detail: string }

/** What float32 on other kernels or another machine may differ by. */
const relative = 1e-4
const absolute = 1e-5

/**
 * The first place where `actual` is not `expected`. Numbers may differ a little, unless the schema of the output says that they
 * are integers or one of some values; everything else has to be the same.
 */
export const findDifference = (
  expected: unknown,
  actual: unknown,
  schema: JsonSchema,
  pointer = '',
): Difference | undefined => {
  if (Array.isArray(expected)) return findInArray(expected, actual, schema, pointer)
  if (isObject(expected)) return findInObject(expected, actual, schema, pointer)
  if (typeof expected === 'number' && typeof actual === 'number' && !isExact(schema)) {
    return isNear(expected, actual) ? undefined : differ(pointer, expected, actual)
  }
  return Object.is(expected, actual) || expected === actual ? undefined : differ(pointer, expected, actual)
}

const isNear = (expected: number, actual: number) =>
  Math.abs(actual - expected) <= absolute + relative * Math.abs(expected)

const findInArray = (
  expected: unknown[],
  actual: unknown,
  schema: JsonSchema,
  pointer: string,
): Difference | undefined => {
  if (!Array.isArray(actual)) return differ(pointer, expected, actual)
  if (actual.length !== expected.length)
    return { pointer, detail: `expected ${expected.length} elements, got ${actual.length}` }
  for (const [index, one] of expected.entries()) {
    const found = findDifference(one, actual[index], schemaAt(schema, 'items'), pointer + pointerStep(index))
    if (found) return found
  }
  return undefined
}

const findInObject = (
  expected: Record<string, unknown>,
  actual: unknown,
  schema: JsonSchema,
  pointer: string,
): Difference | undefined => {
  if (!isObject(actual)) return differ(pointer, expected, actual)
  const extra = Object.keys(actual).find((key) => !Object.hasOwn(expected, key))
  for (const [key, one] of Object.entries(expected)) {
    const below = pointer + pointerStep(key)
    if (!Object.hasOwn(actual, key))
      return { pointer: below, detail: `expected ${show(one)}, and it is missing` }
    const found = findDifference(one, actual[key], schemaAt(schemaAt(schema, 'properties'), key), below)
    if (found) return found
  }
  return extra === undefined
    ? undefined
    : { pointer: pointer + pointerStep(extra), detail: `is not expected, and is ${show(actual[extra])}` }
}

const schemaAt = (schema: JsonSchema, key: string): JsonSchema => {
  const inner = schema[key]
  return isObject(inner) ? inner : {}
}

/** Integers of 64 bits are either an integer or a text of digits. */
const isExact = (schema: JsonSchema): boolean =>
  schema['type'] === 'integer' ||
  schema['enum'] !== undefined ||
  (Array.isArray(schema['anyOf']) &&
    schema['anyOf'].some((one) => isObject(one) && one['type'] === 'integer'))

const differ = (pointer: string, expected: unknown, actual: unknown): Difference => ({
  pointer,
  detail: `expected ${show(expected)}, got ${show(actual)}`,
})

const show = (value: unknown) => {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
