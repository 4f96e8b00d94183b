import type { JsonSchema } from '@onqueue/shared'
import type { Axis } from '../tensors/tensor.ts'

/**
 * JSON Schema of nested arrays with these axes. An axis of any length has at least one element: without one, the
 * lengths of the axes within could not be told.
 */
export const nestedSchema = (element: JsonSchema, axes: readonly Axis[]): JsonSchema =>
  axes.reduceRight<JsonSchema>(
    (items, length) =>
      typeof length === 'number'
        ? { type: 'array', items, minItems: length, maxItems: length }
        : { type: 'array', items, minItems: 1 },
    element,
  )

/** JSON Schema of an object that has exactly these properties. */
export const closedObject = (properties: Record<string, JsonSchema>): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
})
