import type { JsonSchema } from '@onqueue/shared'
import { inputElementSchema, orMissing } from '../../tensors/element-schema.ts'
import { createWriter } from '../../tensors/element-writer.ts'
import type { ElementWriter } from '../../tensors/element-writer.ts'
import type { FeatureSettings, FeaturesSetting } from './tabular-settings.ts'
import { Refusal } from '../../refusal.ts'
import type { RowLayout } from '../../tensors/row-layout.ts'
import { isFloat, showShape } from '../../tensors/tensor.ts'
import type { TensorInfo } from '../../tensors/tensor.ts'

/** One feature, and the place in the model's inputs that it goes to. */
export type Column = {
  /** undefined where features are known by position only */
  name: string | undefined
  /** index of the input */
  input: number
  /** place within the input's row */
  offset: number
  schema: JsonSchema
  /** Writes a value; answers what is wrong with it. */
  write(writer: ElementWriter, index: number, value: unknown): string | undefined
}

/** The inputs of a tabular model: a matrix, or one input a column, or any mix, in row-major order. */
export type TabularPlan = { columns: Column[]; inputs: { info: TensorInfo; width: number }[] }

/** Throws a `Refusal` where features and inputs don't fit together. */
export const planColumns = (options: {
  features?: FeaturesSetting
  missing?: 'allow' | undefined
  inputs: TensorInfo[]
  layout: RowLayout
}): TabularPlan => {
  const { layout, missing } = options
  const inputs = options.inputs.map((input) =>
    missing && isFloat(input.type) ? { ...input, takesMissing: true } : input,
  )
  // a fixed number of them in a vector are features, and no rows
  const isVector = ({ shape }: TensorInfo) =>
    shape.length === 1 && layout.rowsPerRun > 1 && layout.axis === 'fixed'
  const odd = inputs.find((input) => layout.axis === 'none' || input.shape.length > 2 || isVector(input))
  if (odd) {
    throw new Refusal(`a tabular model takes [rows] or [rows, columns], and this one takes ${describe(odd)}`)
  }
  const features = options.features?.map(toFeature) ?? guessFeatures(inputs)
  const names = features.flatMap(({ name }) => (name === undefined ? [] : [name]))
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new Refusal(`features: ${twice} is listed twice`)
  if (names.includes('__proto__')) throw new Refusal("features: __proto__ can't be a feature")

  const widths = inputs.map(() => 0)
  const columns = features.map((feature) => {
    const input = inputOf(feature, inputs)
    const offset = widths[input] ?? 0
    widths[input] = offset + 1
    return { name: feature.name, input, offset, ...createColumn(feature, inputs[input]) }
  })
  for (const [index, input] of inputs.entries()) checkWidth(input, widths[index] ?? 0)
  return { columns, inputs: inputs.map((info, index) => ({ info, width: widths[index] ?? 0 })) }
}

type Feature = Omit<FeatureSettings, 'name'> & { name: string | undefined }

const toFeature = (feature: string | FeatureSettings): Feature =>
  typeof feature === 'string' ? { name: feature } : feature

/** Without `features`, one input a column gives the names, and a single matrix their number. */
const guessFeatures = (inputs: TensorInfo[]): Feature[] => {
  if (inputs.every((input) => widthOf(input) === 1)) return inputs.map(({ name }) => ({ name }))
  const [matrix] = inputs
  const width = matrix && widthOf(matrix)
  if (inputs.length > 1 || typeof width !== 'number') {
    throw new Refusal(
      `list the features in model.yaml: which they are is not clear from the inputs (${inputs.map(describe).join(', ')})`,
    )
  }
  return Array.from({ length: width }, () => ({ name: undefined }))
}

const widthOf = ({ shape }: TensorInfo) => (shape.length < 2 ? 1 : shape[1])

const describe = ({ name, shape }: TensorInfo) => `${name} ${showShape(shape)}`

const inputOf = ({ name, input }: Feature, inputs: TensorInfo[]) => {
  const wanted = input ?? (inputs.length === 1 ? inputs[0]?.name : name)
  const index = inputs.findIndex((candidate) => candidate.name === wanted)
  if (index >= 0) return index
  throw new Refusal(
    `features: ${name} has no input ${wanted}; say which of ${inputs.map((one) => one.name).join(', ')} it is for with { name: ${name}, input: … }`,
  )
}

const checkWidth = (input: TensorInfo, features: number) => {
  const width = widthOf(input)
  if (features === 0) throw new Refusal(`features: none is for the input ${input.name}`)
  if (typeof width === 'number' && width !== features) {
    throw new Refusal(
      `features: there are ${features} for the input ${input.name}, which has ${width} columns`,
    )
  }
}

const createColumn = (feature: Feature, input: TensorInfo | undefined): Pick<Column, 'schema' | 'write'> => {
  const type = input?.type ?? 'float32'
  checkFeature(feature, type)
  const { enum: allowed } = feature
  const takesMissing = feature.missing === 'allow' || input?.takesMissing === true
  const wantsIntegers = feature.type === 'integer' && isFloat(type)
  const schema: JsonSchema = allowed
    ? { enum: allowed }
    : wantsIntegers
      ? { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }
      : inputElementSchema(type)
  const values = allowed && new Set<unknown>(allowed)
  const refusal = `must be one of ${allowed?.slice(0, 20).join(', ')}${(allowed?.length ?? 0) > 20 ? ', …' : ''}`
  return {
    schema: takesMissing ? orMissing(schema) : schema,
    write(writer, index, value) {
      if (takesMissing && value === null) {
        writer.writeMissing?.(index)
        return undefined
      }
      if (values && !values.has(value)) return refusal
      if (wantsIntegers && !Number.isSafeInteger(value)) return 'must be an integer'
      return writer.write(index, value)
    },
  }
}

const checkFeature = ({ name, type, enum: allowed, missing }: Feature, element: TensorInfo['type']) => {
  const kind =
    element === 'string' ? 'string' : isFloat(element) ? 'number' : element === 'bool' ? 'boolean' : 'integer'
  const fits = type === undefined || type === kind || (type === 'integer' && kind === 'number')
  if (!fits) throw new Refusal(`features: ${name} can't be of type ${type}, since its input holds ${element}`)
  if (missing && kind !== 'number') {
    throw new Refusal(
      `features: ${name} can't be missing, since its input holds ${element}, which has no NaN`,
    )
  }
  const writer = createWriter(element, 1)
  for (const value of allowed ?? []) {
    const problem = writer.write(0, value)
    if (problem !== undefined) {
      throw new Refusal(
        `features: ${name} has an enum value that does not fit its input: ${value} ${problem}`,
      )
    }
  }
}
