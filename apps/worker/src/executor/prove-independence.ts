import { elementCount, isFloat } from '../tensors/tensor.ts'
import type { Elements, TensorData, Tensors } from '../tensors/tensor.ts'
import { runProbe } from './probe.ts'
import type { Probe } from './probe.ts'

/** A row and what the model gave for it when it ran alone. */
export type Sample = { row: unknown; outputs: Tensors }

/** What running sample rows together showed. */
export type Proof = {
  /** why rows must not share a run, or null where it is shown that they may */
  reason: string | null
  /** the largest run in which each row got what it got alone */
  provenRows: number
  /** by how much rows change each other, as a share of the largest number in an output; null where they fail together */
  change: number | null
}

/** One row's answer is made of another's: what lies along the first axis are no rows at all. */
export const areMixed = ({ change }: Proof) => change !== null && change > mixedFrom

const tolerance = 1e-4
/** Four steps of float16: how a sum is split over a run changes the last one. */
const halfTolerance = 4e-3
/**
 * Of the largest number in an output. Rows of a model that is quantised as it runs change each other by up to some 5 %,
 * through the range that they share; what is another model's axis changes by as much as the numbers are.
 */
const mixedFrom = 0.15
/** The next larger run is tried while one takes no more than this, in ms of `now`. */
const largestRunMs = 500

/**
 * Whether rows may share a run, tried with the samples and then, over and over the same ones, with twice as many until
 * there are `maxRows`: a model may be right up to some size.
 *
 * A first axis of any length is no proof: a softmax along it gives a caller an answer made of another caller's row. Nor
 * are samples that all got the same answer, since a mix-up of such rows would not show.
 */
export const proveIndependence = async (
  probe: Probe,
  samples: readonly Sample[],
  { maxRows, now }: { maxRows: number; now: () => number },
): Promise<Proof> => {
  const [first] = samples
  if (!first || samples.length < 2) return unproven(tooFewSamples)
  let provenRows = 0
  for (let rows = Math.min(samples.length, maxRows); ; rows = Math.min(2 * rows, maxRows)) {
    const startedAt = now()
    const { reason, change } = await compareTogether(probe, samples, rows)
    if (reason !== null && provenRows === 0) return { reason, change, provenRows }
    // as large as it is right
    if (reason !== null) break
    provenRows = rows
    if (rows === maxRows || now() - startedAt > largestRunMs) break
  }
  return samples.every((sample) => isSameOutput(probe, first, sample))
    ? unproven(allTheSame)
    : { reason: null, provenRows, change: 0 }
}

const unproven = (reason: string): Proof => ({ reason, provenRows: 0, change: 0 })

const tooFewSamples =
  'too few sample rows could be run to prove that rows are independent; give an example in model.yaml'
const allTheSame =
  'all sample rows got the same output, so that a mix-up of rows would not show; give an example in model.yaml that gets another'

/** Runs so many rows, the samples again and again, and compares each with what it got alone. */
const compareTogether = async (
  probe: Probe,
  samples: readonly Sample[],
  rows: number,
): Promise<Omit<Proof, 'provenRows'>> => {
  const all = Array.from({ length: rows }, (_, index) => samples[index % samples.length])
  const together = await runProbe(
    probe,
    all.map((sample) => sample?.row),
  )
  if ('failure' in together) {
    return { reason: `rows that run alone fail when they run together: ${together.failure}`, change: null }
  }
  for (const name of probe.task.outputNames) {
    const tensor = together.outputs[name]
    if (tensor?.dims[0] !== together.ranRows) {
      return { reason: `its output ${name} does not have an element for each row`, change: null }
    }
    const differences = all.map((sample, index) =>
      difference(sliceOf(sample?.outputs[name], 0), sliceOf(tensor, index)),
    )
    const largest = Math.max(...differences)
    if (largest > toleranceOf(tensor)) {
      // of a class that is another one by a hair nothing follows
      const change = isFloat(tensor.type) ? largest : Math.min(largest, mixedFrom)
      return {
        reason: `rows are not independent: output ${name} of a row changes ${describeChange(largest)}when other rows run with it`,
        change,
      }
    }
  }
  return { reason: null, change: 0 }
}

const describeChange = (largest: number) =>
  Number.isFinite(largest) && largest < mixedFrom ? `by up to ${(largest * 100).toPrecision(1)} % ` : ''

const toleranceOf = ({ type }: TensorData) => (type === 'float16' ? halfTolerance : tolerance)

/** Whether two rows got the same, in all outputs that the task needs. */
export const isSameOutput = ({ task }: Probe, a: Sample, b: Sample) =>
  task.outputNames.every((name) => {
    const [one, other] = [a.outputs[name], b.outputs[name]]
    const allowed = one && toleranceOf(one)
    return difference(sliceOf(one, 0), sliceOf(other, 0)) <= (allowed ?? tolerance)
  })

type Slice = { dims: readonly number[]; data: Elements; start: number }

const sliceOf = (tensor: TensorData | undefined, row: number): Slice => {
  const dims = tensor?.dims.slice(1) ?? []
  return { dims, data: tensor?.data ?? [], start: row * elementCount(dims) }
}

/**
 * The largest difference of two numbers in the same place, as a share of the largest number in either: small ones may be
 * differences of large ones. Infinity where something else than a finite number differs, or the shape.
 */
const difference = (a: Slice, b: Slice) => {
  if (a.dims.length !== b.dims.length || a.dims.some((length, axis) => length !== b.dims[axis]))
    return Infinity
  const count = elementCount(a.dims)
  let [largest, apart] = [0, 0]
  for (let index = 0; index < count; index++) {
    const [one, other] = [a.data[a.start + index], b.data[b.start + index]]
    if (typeof one === 'number' && Number.isFinite(one)) largest = Math.max(largest, Math.abs(one))
    if (Object.is(one, other) || one === other) continue
    if (typeof one !== 'number' || typeof other !== 'number') return Infinity
    if (!Number.isFinite(one) || !Number.isFinite(other)) return Infinity
    apart = Math.max(apart, Math.abs(one - other))
  }
  return apart === 0 ? 0 : largest === 0 ? Infinity : apart / largest
}
