import type { JsonSchema } from '@onqueue/shared'
import { isObject, pointerStep } from '@onqueue/shared/rows'
import type { RowProblem } from '@onqueue/shared/rows'
import type { SettingsOf } from '../model-settings.ts'
import type { RowResult } from '../row-result.ts'
import { createReader } from '../../tensors/element-reader.ts'
import { inputElementSchema, orMissing, outputElementSchema } from '../../tensors/element-schema.ts'
import { createWriter } from '../../tensors/element-writer.ts'
import { elementCount, isFloat } from '../../tensors/tensor.ts'
import type { Axis, TensorInfo, Tensors } from '../../tensors/tensor.ts'
import { flatten, measure, nest } from './nested-arrays.ts'
import type { NestedProblem } from './nested-arrays.ts'
import { anyDepthSchema, closedObject, nestedSchema } from '../nested-schema.ts'
import { invalidOutput } from '../task.ts'
import type { EncodedRows, TaskKind } from '../task.ts'

/**
 * The task of any model: a row is `{ "<input name>": nested arrays }` and so is its output, both without the axis that
 * the rows lie along. Rows of different shapes can't share a run.
 */
export const tensorsTask: TaskKind<SettingsOf<'tensors'>> = {
  needs: { classLabels: false },
  create: ({ missing }, { signature, layout }) => {
    const { outputs } = signature
    const inputs = signature.inputs.map((input) =>
      missing && isFloat(input.type) ? { ...input, takesMissing: true } : input,
    )
    const hasRowAxis = layout.axis !== 'none'
    const inputAxes = inputs.map(({ shape, isUnshaped }): AxesOfInput => {
      if (isUnshaped) return 'any'
      return hasRowAxis ? shape.slice(1) : shape
    })
    const outputSchemas = outputs.map(({ name, type, shape, isUnshaped }): [string, JsonSchema] => {
      const element = outputElementSchema(type)
      if (isUnshaped) return [name, anyDepthSchema(element)]
      const axes = layout.perRow.has(name) ? shape.slice(1) : shape
      return [name, nestedSchema(element, axes, { mayBeEmpty: true })]
    })

    return {
      inputSchema: closedObject(
        Object.fromEntries(
          inputs.map((input, index) => {
            const element = elementSchemaOf(input)
            const axes = inputAxes[index] ?? []
            return [input.name, axes === 'any' ? anyDepthSchema(element) : nestedSchema(element, axes)]
          }),
        ),
      ),
      outputSchema: closedObject(Object.fromEntries(outputSchemas)),
      outputNames: outputs.map((output) => output.name),
      warnings: [],
      encode: (rows) => encodeTensors(rows, { inputs, inputAxes, hasRowAxis }),
      decode: (tensors, rowCount) => decodeTensors(tensors, { outputs, perRow: layout.perRow, rowCount }),
    }
  },
}

const elementSchemaOf = ({ type, takesMissing }: TensorInfo) =>
  takesMissing ? orMissing(inputElementSchema(type)) : inputElementSchema(type)

/** `any` where there is no telling how many an input has. */
type AxesOfInput = readonly Axis[] | 'any'

type Plan = { inputs: TensorInfo[]; inputAxes: AxesOfInput[]; hasRowAxis: boolean }

/** A row whose outer shape is known; `shapes` and `values` are in the order of the inputs. */
type MeasuredRow = { position: number; shapes: number[][]; values: unknown[] }

const encodeTensors = (rows: unknown[], plan: Plan): EncodedRows => {
  const problems = new Map<number, RowProblem>()
  const byShape = new Map<string, MeasuredRow[]>()
  for (const [position, row] of rows.entries()) {
    const measured = measureRow(row, position, plan)
    if ('detail' in measured) problems.set(position, measured)
    else {
      const key = JSON.stringify(measured.shapes)
      const group = byShape.get(key)
      if (group) group.push(measured)
      else byShape.set(key, [measured])
    }
  }
  const groups = [...byShape.values()].map((group) => encodeGroup(group, plan, problems))
  return { groups: groups.filter((group) => group.positions.length > 0), problems }
}

const measureRow = (
  row: unknown,
  position: number,
  { inputs, inputAxes }: Plan,
): MeasuredRow | RowProblem => {
  const names = inputs.map((input) => input.name)
  if (!isObject(row)) return { pointer: '', detail: `must be an object with ${names.join(', ')}` }
  if (Object.keys(row).some((key) => !names.includes(key))) {
    return { pointer: '', detail: `has a key that is no input of this model; inputs: ${names.join(', ')}` }
  }
  const lengths = new Map<string, number>()
  const shapes: number[][] = []
  for (const [index, name] of names.entries()) {
    if (!Object.hasOwn(row, name)) return { pointer: '', detail: `lacks ${name}` }
    const shape = measure(row[name], inputAxes[index] ?? [], lengths)
    if (!Array.isArray(shape)) return locate(name, shape)
    shapes.push(shape)
  }
  return { position, shapes, values: names.map((name) => row[name]) }
}

const encodeGroup = (
  rows: MeasuredRow[],
  { inputs, hasRowAxis }: Plan,
  problems: Map<number, RowProblem>,
) => {
  const shapes = rows[0]?.shapes ?? []
  const writers = inputs.map(({ type }, index) =>
    createWriter(type, rows.length * elementCount(shapes[index] ?? [])),
  )
  const positions: number[] = []
  for (const { position, values } of rows) {
    const problem = firstProblem(inputs, (input, index) => {
      const dims = shapes[index] ?? []
      // a row with a problem leaves its place to the next
      let place = positions.length * elementCount(dims)
      const found = flatten(values[index], dims, (value) => {
        const writer = writers[index]
        if (value !== null || !input.takesMissing) return writer?.write(place++, value)
        writer?.writeMissing?.(place++)
        return undefined
      })
      return found && locate(input.name, found)
    })
    if (problem) problems.set(position, problem)
    else positions.push(position)
  }
  const feeds: Tensors = {}
  for (const [index, { name, type }] of inputs.entries()) {
    const writer = writers[index]
    const dims = shapes[index] ?? []
    if (!writer) continue
    const data = writer.finish(positions.length * elementCount(dims))
    feeds[name] = { type, data, dims: hasRowAxis ? [positions.length, ...dims] : dims }
  }
  return { positions, feeds }
}

const firstProblem = <Item>(items: Item[], check: (item: Item, index: number) => RowProblem | undefined) => {
  for (const [index, item] of items.entries()) {
    const problem = check(item, index)
    if (problem) return problem
  }
  return undefined
}

const locate = (name: string, { path, detail }: NestedProblem): RowProblem => ({
  pointer: [name, ...path].map(pointerStep).join(''),
  detail,
})

const decodeTensors = (
  tensors: Tensors,
  { outputs, perRow, rowCount }: { outputs: TensorInfo[]; perRow: ReadonlySet<string>; rowCount: number },
): RowResult[] => {
  const rows = Array.from({ length: rowCount }, (): Record<string, unknown> => ({}))
  for (const { name } of outputs) {
    const tensor = tensors[name]
    if (!tensor) return rows.map(() => invalidOutput(`the model gave no ${name}`))
    const read = createReader(tensor)
    const hasRows = perRow.has(name)
    if (hasRows && tensor.dims[0] !== rowCount) {
      return rows.map(() => invalidOutput(`output ${name} does not have one element for each row`))
    }
    const dims = hasRows ? tensor.dims.slice(1) : tensor.dims
    const stride = hasRows ? elementCount(dims) : 0
    for (const [index, row] of rows.entries()) row[name] = nest(read, dims, index * stride)
  }
  return rows.map((output) => ({ ok: true, output }))
}
