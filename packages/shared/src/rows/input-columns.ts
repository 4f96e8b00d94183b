import type { JsonSchema } from '../contract/version-interface.ts'
import { isObject } from './is-object.ts'
import { pointerStep } from './row-problem.ts'
import type { RowProblem } from './row-problem.ts'

/** A column of a file that is part of an input, with the schema of its cells. */
type InputColumn = { name: string; schema: JsonSchema }

/** How the columns of a file make an input. */
export type InputColumns = {
  columns: InputColumn[]
  /** the input of the values of these columns, in their order */
  toInput: (values: unknown[]) => unknown
  /** says of a problem in which column it is, where the task only knows the column's place */
  locate: (problem: RowProblem) => RowProblem
}

/**
 * The columns that an input has in a file whose header has these names.
 *
 * Features that have names are columns of these names. Every other property of an input is a column with its name; a list
 * of a fixed length may be spread over columns instead, `x.0`, `x.1` and so on, which it is where the header has the first.
 */
export const inputColumns = (inputSchema: JsonSchema, header: ReadonlySet<string>): InputColumns => {
  const properties = propertiesOf(inputSchema)
  const features = properties.length === 1 ? namedFeatures(properties[0]?.[1]) : undefined
  if (features) return featureColumns(features)
  const parts = properties.map(([name, schema]) => partOf(name, schema, header))
  return {
    columns: parts.flatMap(({ columns }) => columns),
    toInput: (values) => {
      let place = 0
      return Object.fromEntries(
        parts.map(({ name, columns, isSpread }) => {
          const from = place
          place += columns.length
          return [name, isSpread ? values.slice(from, place) : values[from]]
        }),
      )
    },
    locate: (problem) => problem,
  }
}

/** Given by position, which is less work than by name; problems have the name again. */
const featureColumns = (features: [string, JsonSchema][]): InputColumns => ({
  columns: features.map(([name, schema]) => ({ name, schema })),
  toInput: (values) => ({ features: values }),
  locate: ({ pointer, detail }) => {
    const [, place] = /^\/features\/(\d+)$/.exec(pointer) ?? []
    const name = place === undefined ? undefined : features[Number(place)]?.[0]
    return { pointer: name === undefined ? pointer : `/features${pointerStep(name)}`, detail }
  },
})

type Part = { name: string; columns: InputColumn[]; isSpread: boolean }

const partOf = (name: string, schema: JsonSchema, header: ReadonlySet<string>): Part => {
  const length = schema['maxItems']
  const isSpread = typeof length === 'number' && !header.has(name) && header.has(`${name}.0`)
  if (!isSpread) return { name, columns: [{ name, schema }], isSpread }
  const ofPlace = elementSchemas(schema)
  const columns = Array.from({ length }, (_, place) => ({ name: `${name}.${place}`, schema: ofPlace(place) }))
  return { name, columns, isSpread }
}

const elementSchemas = (schema: JsonSchema) => {
  const prefix: unknown[] = Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : []
  return (place: number): JsonSchema => {
    const item = prefix[place] ?? schema['items']
    return isObject(item) ? item : {}
  }
}

/** Of `{ features: { anyOf: [by position, by name] } }`, in the order of the model. */
const namedFeatures = (schema: JsonSchema | undefined) => {
  const ways: unknown[] = Array.isArray(schema?.['anyOf']) ? schema['anyOf'] : []
  const byName = ways.filter(isObject).find((way) => isObject(way['properties']))
  return byName && propertiesOf(byName)
}

const propertiesOf = (schema: JsonSchema): [string, JsonSchema][] =>
  isObject(schema['properties'])
    ? Object.entries(schema['properties']).map(([name, one]) => [name, isObject(one) ? one : {}])
    : []
