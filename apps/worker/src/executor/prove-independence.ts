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
  /** the samples show neither that rows may share a run nor that they must not: others may */
  isUndecided: boolean
}

const tolerance = 1e-4
/** Four steps of float16: how a sum is split over a run changes the last one. */
const halfTolerance = 4e-3
/**
 * Of the largest number in an output. Rows of a model that is quantised as it runs change rows of about their size by some 5 %,
 * through the range that they share; what is another model's axis changes by as much as the numbers are.
 */
const mixedFrom = 0.15
/** How many rows are tried first, whatever the number of samples. */
const firstRows = 8
/** The next larger run is tried while one takes no more than this, in ms of `now`. */
const defaultLargestRunMs = 500

/**
 * Whether rows may share a run, tried with the samples, over and over the same ones, and then with twice as many until there
 * are `maxRows`: a model may be right up to some size. Only outputs that have rows are looked at.
 *
 * A first axis of any length is no proof: a softmax along it gives a caller an answer made of another caller's row. Nor
 * are samples that all got the same answer, since a mix-up of such rows would not show.
 */
export const proveIndependence = async (
  probe: Probe,
  samples: readonly Sample[],
  {
    maxRows,
    now,
    largestRunMs = defaultLargestRunMs,
  }: { maxRows: number; now: () => number; largestRunMs?: number | undefined },
): Promise<Proof> => {
  const [first] = samples
  if (!first || samples.length < 2) return undecided(tooFewSamples)
  let provenRows = 0
  for (let rows = Math.min(firstRows, maxRows); ; rows = Math.min(2 * rows, maxRows)) {
    const startedAt = now()
    const change = await changeTogether(probe, samples, rows)
    if (change !== null && provenRows === 0) return unproven(describeChange(change))
    // as large as it is right
    if (change !== null) break
    provenRows = rows
    if (rows === maxRows || now() - startedAt > largestRunMs) break
  }
  return samples.every((sample) => isSameOutput(probe, first, sample))
    ? undecided(allTheSame)
    : { reason: null, provenRows, isUndecided: false }
}

/**
 * Whether one row's answer is made of another's, so that what lies along the first axis are no rows at all. The samples are
 * of about one size: a model that is quantised as it runs makes nothing of a row beside one that is a thousand times as large.
 */
export const areMixed = async (probe: Probe, samples: readonly Sample[]) => {
  const change = await changeTogether(probe, samples, Math.min(2 * samples.length, probe.layout.rowsPerRun))
  return change?.share !== undefined && change.share > mixedFrom
}

/**
 * Whether copies of one row get different answers in one run: what lies along the first axis are no rows then, but places. A
 * length that an output happens to have is not enough where the file fixes it.
 */
export const dependsOnPlace = async (probe: Probe, { row }: Sample) => {
  const rows = Math.min(3, probe.layout.rowsPerRun)
  const run = await runProbe(
    probe,
    Array.from({ length: rows }, () => row),
  )
  if ('failure' in run) return false
  return [...probe.layout.perRow].some((output) => {
    const tensor = run.outputs[output]
    if (tensor?.dims[0] !== run.ranRows) return false
    const places = Array.from({ length: run.ranRows }, (_, index) => sliceOf(tensor, index))
    return places.some((place) => difference(sliceOf(tensor, 0), place) > toleranceOf(tensor))
  })
}

/** The output that a row gets another time, where it is random. */
export const findRandomOutput = async (
  probe: Probe,
  { row, outputs }: Sample,
): Promise<string | undefined> => {
  const again = await runProbe(probe, [row])
  if ('failure' in again) return undefined
  return probe.task.outputNames.find((name) => {
    const [one, other] = [outputs[name], again.outputs[name]]
    return one !== undefined && difference(sliceOf(one, 0), sliceOf(other, 0)) > toleranceOf(one)
  })
}

const unproven = (reason: string): Proof => ({ reason, provenRows: 0, isUndecided: false })
const undecided = (reason: string): Proof => ({ reason, provenRows: 0, isUndecided: true })

const tooFewSamples =
  'too few sample rows could be run to prove that rows are independent; give an example in model.yaml'
const allTheSame =
  'all sample rows got the same output, so that a mix-up of rows would not show; give an example in model.yaml that gets another'

/** What is another when rows run together: nothing can be told of how much where they fail, or no output is of floats. */
type Change = { output: string; failure?: string; share?: number }

/** Runs so many rows, the samples again and again, and compares each with what it got alone. Null where all is the same. */
const changeTogether = async (
  probe: Probe,
  samples: readonly Sample[],
  rows: number,
): Promise<Change | null> => {
  const all = Array.from({ length: rows }, (_, index) => samples[index % samples.length])
  const together = await runProbe(
    probe,
    all.map((sample) => sample?.row),
  )
  const names = probe.task.outputNames.filter((name) => probe.layout.perRow.has(name))
  if ('failure' in together) return { output: names[0] ?? '', failure: together.failure }
  const changes = names.flatMap((output): Change[] => {
    const tensor = together.outputs[output]
    if (tensor?.dims[0] !== together.ranRows) return [{ output, share: Infinity }]
    const share = Math.max(
      ...all.map((sample, index) => difference(sliceOf(sample?.outputs[output], 0), sliceOf(tensor, index))),
    )
    if (share <= toleranceOf(tensor)) return []
    // of a class that is another one by a hair nothing follows
    return [isFloat(tensor.type) ? { output, share } : { output }]
  })
  return changes.toSorted((a, b) => (b.share ?? 0) - (a.share ?? 0))[0] ?? null
}

const describeChange = ({ output, failure, share = Infinity }: Change) => {
  if (failure !== undefined) return `rows that run alone fail when they run together: ${failure}`
  const by = share < 1 ? `by up to ${Number((share * 100).toPrecision(1))} % ` : ''
  return `rows are not independent: output ${output} of a row changes ${by}when other rows run with it`
}

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
 * The largest difference of two numbers in the same place, as a share of the largest number in the first: small ones may be
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
