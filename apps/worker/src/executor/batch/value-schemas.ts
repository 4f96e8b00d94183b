import type { JsonSchema } from '@onqueue/shared'
import { isObject } from '@onqueue/shared/rows'

/** The schemas that a value may be of, without null and with values that are listed one by one. */
export const alternatives = (schema: unknown): JsonSchema[] => {
  if (!isObject(schema)) return [{}]
  if (Array.isArray(schema['anyOf'])) return schema['anyOf'].flatMap(alternatives)
  if (!Array.isArray(schema['enum'])) return schema['type'] === 'null' ? [] : [schema]
  const values: unknown[] = schema['enum']
  return values.map((value) => ({ type: Number.isInteger(value) ? 'integer' : typeof value, const: value }))
}

const nonFinite = ['NaN', 'Infinity', '-Infinity']

/** Numbers, of which JSON has those that are not finite as text. */
export const isNumber = (ways: JsonSchema[]) =>
  ways.some(({ type }) => type === 'number') &&
  ways.every(
    ({ type, const: value }) =>
      type === 'number' ||
      type === 'integer' ||
      (type === 'string' && typeof value === 'string' && nonFinite.includes(value)),
  )

/** A list of such numbers, as an embedding is. */
export const isVector = (schema: unknown) => {
  const [only, ...others] = alternatives(schema)
  return others.length === 0 && only?.['type'] === 'array' && isNumber(alternatives(only['items']))
}
