import { Refusal } from '../refusal.ts'
import { axisFromFront, axisToFront } from '../tensors/move-axis.ts'
import { showShape } from '../tensors/tensor.ts'
import type { Axis, OutputInfo, Signature, TensorData, TensorInfo, Tensors } from '../tensors/tensor.ts'
import type { ModelSession } from './model-session.ts'

/** By the name of an input or output: the axis along which it has its rows. */
export type RowAxes = Readonly<Record<string, number>>

/**
 * A model whose rows lie along other axes than the first ones, such as a network that takes time steps first, as one that has
 * them in front. `axes` is what `rows` in model.yaml says; an input that it does not name has its rows in front. So has an output,
 * unless an axis of it has the name that the axis of rows has in the inputs.
 *
 * Throws a `Refusal` where the axes are none of the model's.
 */
export const withRowsInFront = (session: ModelSession, said: RowAxes): ModelSession => {
  // an input may be called constructor
  const axes = new Map(Object.entries(said))
  const { inputs, outputs } = session.signature
  for (const [name, axis] of axes) checkAxis(session.signature, name, axis)
  const rowNames = inputs.map(({ name, shape }) => shape[axes.get(name) ?? 0]).filter(isName)
  const axisOf = ({ name, shape }: TensorInfo) => {
    const sameName = shape.findIndex((axis) => rowNames.some((one) => one === axis))
    return axes.get(name) ?? Math.max(0, sameName)
  }
  const inputAxes = new Map(inputs.map(({ name }) => [name, axes.get(name) ?? 0]))
  const outputAxes = new Map(outputs.map((output) => [output.name, axisOf(output)]))
  return {
    ...session,
    signature: {
      inputs: inputs.map((input) => moved(input, inputAxes)),
      outputs: outputs.map((output) => moved(output, outputAxes)),
    },
    run: async (feeds, names) => {
      const answers = await session.run(mapTensors(feeds, inputAxes, axisFromFront), names)
      return mapTensors(answers, outputAxes, axisToFront)
    },
  }
}

const checkAxis = ({ inputs, outputs }: Signature, name: string, axis: number) => {
  const tensor = [...inputs, ...outputs].find((one) => one.name === name)
  if (!tensor) {
    throw new Refusal(
      `rows in model.yaml names ${name}, which is no input (${listed(inputs)}) and no output (${listed(outputs)})`,
    )
  }
  const { shape, isUnshaped = false } = tensor
  if (!isUnshaped && axis >= shape.length) {
    throw new Refusal(
      `rows in model.yaml says axis ${axis} of ${name}, which is ${showShape(shape)}: axes are numbered from 0`,
    )
  }
}

const listed = (tensors: readonly TensorInfo[]) => tensors.map(({ name }) => name).join(', ')

const isName = (axis: Axis | undefined): axis is string => typeof axis === 'string' && axis !== ''

const moved = <Info extends TensorInfo | OutputInfo>(info: Info, axes: ReadonlyMap<string, number>): Info => {
  const axis = axes.get(info.name) ?? 0
  const { shape } = info
  return axis === 0 ? info : { ...info, shape: [shape[axis] ?? '', ...shape.toSpliced(axis, 1)] }
}

/** What has fewer axes than that is left as it is, and found to have no rows. */
const mapTensors = (
  tensors: Tensors,
  axes: ReadonlyMap<string, number>,
  move: (tensor: TensorData, axis: number) => TensorData,
): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      const axis = axes.get(name) ?? 0
      return [name, axis === 0 || axis >= tensor.dims.length ? tensor : move(tensor, axis)]
    }),
  )
