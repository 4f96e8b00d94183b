import type { JsonSchema } from '@onqueue/shared'
import { isObject } from '@onqueue/shared/rows'
import { outputNames } from './row-writer.ts'

/** A column of an output that is a table, with the schema of its values. */
export type OutputColumn = { title: string; schema: JsonSchema; read: (output: unknown) => unknown }

/**
 * The columns of a model's output: objects whose keys the schema knows, such as probabilities, have a column for each
 * (`probabilities.setosa`), and everything else has one of its own.
 */
export const outputColumns = (outputSchema: JsonSchema): OutputColumn[] => {
  const properties = isObject(outputSchema['properties']) ? outputSchema['properties'] : {}
  return outputNames(outputSchema).flatMap(({ name, written }) => flatten([name], written, properties[name]))
}

const flatten = (path: string[], title: string, schema: unknown): OutputColumn[] => {
  const known = isObject(schema) ? schema : {}
  const properties = isObject(known['properties']) ? Object.entries(known['properties']) : []
  if (properties.length === 0) return [{ title, schema: known, read: (output) => valueAt(output, path) }]
  return properties.flatMap(([name, inner]) => flatten([...path, name], `${title}.${name}`, inner))
}

const valueAt = (output: unknown, path: readonly string[]) => {
  let value = output
  for (const name of path) value = isObject(value) ? value[name] : undefined
  return value
}
