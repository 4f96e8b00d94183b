import type { JsonSchema } from '@onqueue/shared'
import type { Axis } from '../tensors/tensor.ts'

/**
 * JSON Schema of nested arrays with these axes. In an input an axis of any length has at least one element: without one,
 * the lengths of the axes within could not be told. An output may have none: a detector found nothing.
 */
export const nestedSchema = (
  element: JsonSchema,
  axes: readonly Axis[],
  { mayBeEmpty = false } = {},
): JsonSchema =>
  axes.reduceRight<JsonSchema>((items, length) => {
    if (typeof length === 'number') return { type: 'array', items, minItems: length, maxItems: length }
    return mayBeEmpty ? { type: 'array', items } : { type: 'array', items, minItems: 1 }
  }, element)

/** JSON Schema of an element, or arrays of any depth: what is in these is for the model to take or not. */
export const anyDepthSchema = (element: JsonSchema): JsonSchema => ({ anyOf: [element, { type: 'array' }] })

/** JSON Schema of an object that has exactly these properties. */
export const closedObject = (properties: Record<string, JsonSchema>): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
})
