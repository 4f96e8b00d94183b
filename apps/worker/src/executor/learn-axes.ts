import type { RowLayout } from '../tensors/row-layout.ts'
import type { OutputInfo, TensorInfo, Tensors } from '../tensors/tensor.ts'

/** A run that the axes are learnt from. */
export type SeenRun = {
  /** padding included */
  ranRows: number
  outputs: Tensors
}

/**
 * The outputs as some runs gave them, of other numbers of rows and other lengths where such could be run. Converters
 * declare shapes that their models don't have, so what was seen counts; a name in the file stays.
 */
export const learnShapes = (outputs: readonly OutputInfo[], runs: readonly SeenRun[]): OutputInfo[] =>
  outputs.map((output) => ({ ...output, shape: learnShape(output, runs) }))

/** The outputs of which each run had a slice for each of its rows. */
export const learnPerRow = ({ perRow }: RowLayout, runs: readonly SeenRun[]): ReadonlySet<string> =>
  new Set([...perRow].filter((name) => runs.every((run) => run.outputs[name]?.dims[0] === run.ranRows)))

const learnShape = ({ name, shape }: TensorInfo, runs: readonly SeenRun[]): TensorInfo['shape'] => {
  const seen = runs.flatMap(({ outputs }) => (outputs[name] ? [outputs[name].dims] : []))
  const [first] = seen
  if (!first || seen.some((dims) => dims.length !== first.length)) return shape
  const said = shape.length === first.length ? shape : first.map(() => '')
  return first.map((length, axis) => {
    const isAlways = seen.every((dims) => dims[axis] === length)
    return typeof said[axis] === 'number' ? (isAlways ? length : '') : (said[axis] ?? '')
  })
}
