import type { JsonSchema } from '@onqueue/shared'
import { isObject, pointerStep } from '@onqueue/shared/rows'
import type { RowProblem } from '@onqueue/shared/rows'
import { createWriter } from '../../tensors/element-writer.ts'
import type { ElementWriter } from '../../tensors/element-writer.ts'
import type { Tensors } from '../../tensors/tensor.ts'
import { closedObject } from '../nested-schema.ts'
import type { Column, TabularPlan } from './tabular-columns.ts'
import type { EncodedRows, InputPlace } from '../task.ts'

/** `{ "features": [..] }` by position and, where the features have names, `{ "features": { name: value } }`. */
export const tabularInputSchema = ({ columns }: TabularPlan): JsonSchema => {
  const byName = Object.fromEntries(
    columns.flatMap(({ name, schema }) => (name === undefined ? [] : [[name, schema]])),
  )
  const hasNames = columns.every((column) => column.name !== undefined)
  return closedObject({
    features: hasNames
      ? { anyOf: [byPositionSchema(columns), closedObject(byName)] }
      : byPositionSchema(columns),
  })
}

const byPositionSchema = (columns: Column[]): JsonSchema => {
  const schemas = columns.map((column) => column.schema)
  const length = { minItems: schemas.length, maxItems: schemas.length }
  const [first] = schemas
  const areEqual = first !== undefined && new Set(schemas.map((schema) => JSON.stringify(schema))).size === 1
  if (areEqual) return { type: 'array', items: first, ...length }
  return { type: 'array', prefixItems: schemas, items: false, ...length }
}

/** Where the value of a feature goes, which is in the array `features`, or has its name. */
export const placeOfFeature =
  ({ columns, inputs }: TabularPlan) =>
  (property: string, index: number): InputPlace | undefined => {
    const column = columns.find(({ name }) => name === property) ?? columns[index]
    const input = column && inputs[column.input]
    return input && { input: input.info.name, column: column.offset }
  }

/** Checks and writes in one pass over the values. */
export const encodeTabular = (rows: unknown[], plan: TabularPlan): EncodedRows => {
  const writers = plan.inputs.map(({ info, width }) => createWriter(info.type, rows.length * width))
  const positions: number[] = []
  const problems = new Map<number, RowProblem>()
  for (const [position, row] of rows.entries()) {
    // a row with a problem leaves its place to the next
    const problem = writeRow(row, positions.length, plan, writers)
    if (problem) problems.set(position, problem)
    else positions.push(position)
  }
  if (positions.length === 0) return { groups: [], problems }
  const feeds: Tensors = {}
  for (const [index, { info, width }] of plan.inputs.entries()) {
    const writer = writers[index]
    if (!writer) continue
    const dims = info.shape.length === 1 ? [positions.length] : [positions.length, width]
    feeds[info.name] = { type: info.type, data: writer.finish(positions.length * width), dims }
  }
  return { groups: [{ positions, feeds }], problems }
}

const writeRow = (
  row: unknown,
  place: number,
  plan: TabularPlan,
  writers: ElementWriter[],
): RowProblem | undefined => {
  const { columns, inputs } = plan
  const features = isObject(row) ? row['features'] : undefined
  if (!isObject(row) || !Object.hasOwn(row, 'features')) {
    return { pointer: '', detail: `must be an object like ${describeInput(columns)}` }
  }
  if (Object.keys(row).length > 1) return { pointer: '', detail: 'must have no other key than features' }
  const isByName = isObject(features) && columns[0]?.name !== undefined
  const problem = isByName ? checkNames(features, columns) : checkPositions(features, columns)
  if (problem !== undefined) return { pointer: '/features', detail: problem }
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index]
    const writer = column && writers[column.input]
    if (!column || !writer) continue
    const value = readFeature(features, column.name, index)
    const wrong = column.write(writer, place * (inputs[column.input]?.width ?? 0) + column.offset, value)
    if (wrong !== undefined) {
      return { pointer: `/features${pointerStep(isByName ? (column.name ?? index) : index)}`, detail: wrong }
    }
  }
  return undefined
}

const readFeature = (features: unknown, name: string | undefined, index: number): unknown => {
  if (Array.isArray(features)) return features[index]
  return isObject(features) && name !== undefined ? features[name] : undefined
}

const checkPositions = (features: unknown, columns: Column[]) => {
  if (!Array.isArray(features)) {
    return columns[0]?.name === undefined ? 'must be an array' : 'must be an array or an object'
  }
  return features.length === columns.length ? undefined : `must have ${columns.length} values`
}

const checkNames = (features: Record<string, unknown>, columns: Column[]) => {
  const lacking = columns.flatMap(({ name = '' }) => (Object.hasOwn(features, name) ? [] : [name]))
  if (lacking.length > 0) return `lacks ${listNames(lacking)}`
  if (Object.keys(features).length === columns.length) return undefined
  return `has a feature that this model does not know; it knows ${listNames(columns.map(({ name = '' }) => name))}`
}

const listNames = (names: string[]) => names.slice(0, 20).join(', ') + (names.length > 20 ? ', …' : '')

const describeInput = (columns: Column[]) => `{"features": […${columns.length} values…]}`
