import type { Signature, TensorInfo } from './tensor.ts'

/** How rows lie in the tensors of a run. */
export type RowLayout = {
  /**
   * `free`: along the first axis of each input, any number of them. `fixed`: the same, but always `rowsPerRun` of them.
   * `none`: no input has an axis for rows, so that one row is all that a run can take.
   */
  axis: 'free' | 'fixed' | 'none'
  rowsPerRun: number
  /** the outputs that have a slice for each row; the others belong to the run as a whole */
  perRow: ReadonlySet<string>
  /** why rows can't share a run, as far as the signature tells */
  reason: string | null
}

/**
 * The layout that the shapes in the ONNX file suggest. Whether rows really are independent is for the warm-up to prove.
 */
export const findRowLayout = ({ inputs, outputs }: Signature): RowLayout => {
  const without = (reason: string): RowLayout => ({ axis: 'none', rowsPerRun: 1, perRow: new Set(), reason })
  const scalar = inputs.find((input) => input.shape.length === 0)
  if (inputs.length === 0) return without('it has no inputs')
  if (scalar) return without(`its input ${scalar.name} has no axis for rows`)
  const lengths = new Set(inputs.map((input) => input.shape[0]))
  const names = [...lengths].filter((length) => typeof length === 'string')
  if (names.length === lengths.size) return freeLayout(inputs, outputs, names, without)
  if (lengths.size > 1) return without('its inputs have first axes of different lengths')
  return fixedLayout(Number([...lengths][0]), outputs, without)
}

/** How many rows a run takes to which `rows` are given: where their number is fixed, the rest is padding. */
export const rowsOfRun = ({ axis, rowsPerRun }: RowLayout, rows: number) =>
  axis === 'fixed' ? rowsPerRun : rows

/** How many of them an output tells of: padding is only cut off those that have a slice for each row. */
export const rowsOfOutput = (layout: RowLayout, output: string, rows: number) =>
  layout.perRow.has(output) ? rows : rowsOfRun(layout, rows)

const freeLayout = (
  inputs: TensorInfo[],
  outputs: TensorInfo[],
  axisNames: string[],
  without: (reason: string) => RowLayout,
): RowLayout => {
  const named = axisNames.filter((name) => name !== '')
  if (named.length > 1) {
    return without(`its inputs have first axes of different lengths (${named.join(', ')})`)
  }
  const [batch] = named
  if (batch !== undefined && inputs.some((input) => input.shape.slice(1).includes(batch))) {
    return without(`its axis ${batch} is not only the first one of an input`)
  }
  const perRow = outputs.filter(({ shape }) => isFree(shape) || shape[0] === 1)
  const bound = outputs.find(({ shape }) => !isFree(shape))
  return {
    axis: 'free',
    rowsPerRun: Infinity,
    perRow: new Set(perRow.map((output) => output.name)),
    reason: bound ? `its output ${bound.name} has no free axis for rows` : null,
  }
}

/** Of unknown shape counts as free: a run will show. */
const isFree = (shape: TensorInfo['shape']) => typeof shape[0] !== 'number'

const fixedLayout = (
  rows: number,
  outputs: TensorInfo[],
  without: (reason: string) => RowLayout,
): RowLayout => {
  const other = outputs.find(({ shape }) => !isFree(shape) && shape[0] !== rows)
  if (other && rows > 1) {
    return without(`its inputs have a fixed first axis of ${rows}, and its output ${other.name} has another`)
  }
  const perRow = outputs.filter((output) => output !== other).map((output) => output.name)
  const reason = rows === 1 ? 'its first axis is fixed to one row' : null
  return { axis: 'fixed', rowsPerRun: rows, perRow: new Set(perRow), reason }
}
