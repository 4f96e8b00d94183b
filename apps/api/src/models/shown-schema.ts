import { floatBoundedBy } from '@onqueue/shared'
import type { JsonSchema } from '@onqueue/shared'

/** An input's schema as people read it: a number of a float type is that, and not between two bounds of 17 digits. */
export const showSchema = (schema: JsonSchema): JsonSchema => Object.assign({}, show(schema))

const show = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(show)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const float = 'exclusiveMaximum' in value ? floatBoundedBy(value.exclusiveMaximum) : undefined
  const isBounded =
    float !== undefined && 'exclusiveMinimum' in value && floatBoundedBy(value.exclusiveMinimum) === float
  if (!isBounded) return Object.fromEntries(entries.map(([key, inner]) => [key, show(inner)]))
  const rest = entries.filter(([key]) => key !== 'exclusiveMinimum' && key !== 'exclusiveMaximum')
  return Object.fromEntries([...rest, ['format', float]])
}
