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
 * declare shapes that their models don't have, so what was seen counts; a name in the file stays. Where runs differ in the number
 * of axes there is no telling.
 */
export const learnShapes = (outputs: readonly OutputInfo[], runs: readonly SeenRun[]): OutputInfo[] =>
  outputs.map((output) => {
    const seen = runs.flatMap((run) => {
      const tensor = run.outputs[output.name]
      return tensor ? [tensor.dims] : []
    })
    const [first] = seen
    if (!first) return output
    const isOneShape = seen.every((dims) => dims.length === first.length)
    return isOneShape
      ? { ...output, shape: learnShape(output.shape, first, seen) }
      : { ...output, isUnshaped: true }
  })

/** The outputs of which each run had a slice for each of its rows. */
export const learnPerRow = ({ perRow }: RowLayout, runs: readonly SeenRun[]): ReadonlySet<string> =>
  new Set([...perRow].filter((name) => runs.every((run) => run.outputs[name]?.dims[0] === run.ranRows)))

const learnShape = (
  declared: TensorInfo['shape'],
  first: readonly number[],
  seen: readonly (readonly number[])[],
): TensorInfo['shape'] =>
  first.map((length, axis) => {
    const said = declared.length === first.length ? (declared[axis] ?? '') : ''
    if (typeof said === 'string') return said
    return seen.every((dims) => dims[axis] === length) ? length : ''
  })
