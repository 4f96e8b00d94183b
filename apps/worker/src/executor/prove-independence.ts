import { elementCount } from '../tensors/tensor.ts'
import type { Elements, TensorData, Tensors } from '../tensors/tensor.ts'
import { runProbe } from './probe.ts'
import type { Probe } from './probe.ts'

/** A row and what the model gave for it when it ran alone. */
export type Sample = { row: unknown; outputs: Tensors }

const tolerance = 1e-4
/** Four steps of float16: how a sum is split over a run changes the last one. */
const halfTolerance = 4e-3

/**
 * Why rows must not share a run, or null when it is shown that they may.
 *
 * The rows of the samples run together, and each has to get what it got alone. A first axis of any length is no proof:
 * a softmax along it gives a caller an answer made of another caller's row. Nor are samples that all got the same
 * answer, since a mix-up of such rows would not show.
 */
export const proveIndependence = async (probe: Probe, samples: Sample[]): Promise<string | null> => {
  const [first] = samples
  if (!first || samples.length < 2) {
    return 'too few sample rows could be run to prove that rows are independent; give an example in model.yaml'
  }
  const together = await runProbe(
    probe,
    samples.map((sample) => sample.row),
  )
  if ('failure' in together) return `rows that run alone fail when they run together: ${together.failure}`
  for (const name of probe.task.outputNames) {
    const tensor = together.outputs[name]
    if (tensor?.dims[0] !== together.ranRows) {
      return `its output ${name} does not have an element for each row`
    }
    const isMixed = samples.some(
      ({ outputs }, index) => !isSame(sliceOf(outputs[name], 0), sliceOf(tensor, index)),
    )
    if (isMixed) {
      return `rows are not independent: output ${name} of a row changes when other rows run with it`
    }
  }
  const areAllSame = samples.every((sample) => isSameOutput(probe, first, sample))
  if (areAllSame) {
    return 'all sample rows got the same output, so that a mix-up of rows would not show; give an example in model.yaml that gets another'
  }
  return null
}

/** Whether two rows got the same, in all outputs that the task needs. */
export const isSameOutput = ({ task }: Probe, a: Sample, b: Sample) =>
  task.outputNames.every((name) => isSame(sliceOf(a.outputs[name], 0), sliceOf(b.outputs[name], 0)))

type Slice = { dims: readonly number[]; data: Elements; start: number }

const sliceOf = (tensor: TensorData | undefined, row: number): Slice => {
  const dims = tensor?.dims.slice(1) ?? []
  return { dims, data: tensor?.data ?? [], start: row * elementCount(dims) }
}

/** Within the tolerance of the largest number among them, since small ones may be differences of large ones. */
const isSame = (a: Slice, b: Slice) => {
  if (a.dims.length !== b.dims.length || a.dims.some((length, axis) => length !== b.dims[axis])) return false
  const count = elementCount(a.dims)
  let largest = 0
  for (let index = 0; index < count; index++) {
    const value = a.data[a.start + index]
    if (typeof value === 'number' && Number.isFinite(value)) largest = Math.max(largest, Math.abs(value))
  }
  const allowed = largest * (a.data instanceof Float16Array ? halfTolerance : tolerance)
  for (let index = 0; index < count; index++) {
    if (!isClose(a.data[a.start + index], b.data[b.start + index], allowed)) return false
  }
  return true
}

const isClose = (a: Elements[number] | undefined, b: Elements[number] | undefined, allowed: number) =>
  Object.is(a, b) || a === b || (typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= allowed)
