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
 * The layout that the shapes in the ONNX file suggest: those of the inputs. What it says of outputs are claims, which
 * converters often make wrongly; how these lie, and whether rows really are independent, is for the warm-up to see.
 */
export const findRowLayout = (
  { inputs, outputs }: Signature,
  /** names of axes say nothing: the first ones are of rows */
  { areFirstAxesRows = false } = {},
): RowLayout => {
  const scalar = inputs.find((input) => input.shape.length === 0)
  if (inputs.length === 0) return wholeLayout('it has no inputs')
  if (scalar?.isUnshaped) return wholeLayout(`the file does not say what shape its input ${scalar.name} has`)
  if (scalar) return wholeLayout(`its input ${scalar.name} has no axis for rows`)
  const perRow = new Set(outputs.map((output) => output.name))
  const lengths = new Set(inputs.map((input) => input.shape[0]))
  const names = [...lengths].filter((length) => typeof length === 'string')
  if (names.length === lengths.size) {
    return areFirstAxesRows
      ? { axis: 'free', rowsPerRun: Infinity, perRow, reason: null }
      : freeLayout(inputs, perRow, names)
  }
  if (lengths.size > 1) return wholeLayout('its inputs have first axes of different lengths')
  return fixedLayout(Number([...lengths][0]), outputs)
}

/** Tensors as they are, with no axis for rows. */
export const wholeLayout = (reason: string): RowLayout => ({
  axis: 'none',
  rowsPerRun: 1,
  perRow: new Set(),
  reason,
})

/** How many rows a run takes to which `rows` are given: where their number is fixed, the rest is padding. */
export const rowsOfRun = ({ axis, rowsPerRun }: RowLayout, rows: number) =>
  axis === 'fixed' ? rowsPerRun : rows

/** How many of them an output tells of: padding is only cut off those that have a slice for each row. */
export const rowsOfOutput = (layout: RowLayout, output: string, rows: number) =>
  layout.perRow.has(output) ? rows : rowsOfRun(layout, rows)

const freeLayout = (inputs: TensorInfo[], perRow: ReadonlySet<string>, axisNames: string[]): RowLayout => {
  const named = axisNames.filter((name) => name !== '')
  if (named.length > 1) {
    return wholeLayout(`its inputs have first axes of different lengths (${named.join(', ')})`)
  }
  const [batch] = named
  if (batch !== undefined && inputs.some((input) => input.shape.slice(1).includes(batch))) {
    return wholeLayout(`its axis ${batch} is not only the first one of an input`)
  }
  return { axis: 'free', rowsPerRun: Infinity, perRow, reason: null }
}

/** Where one row is all that a run takes, an output's first axis that has a name is of something else: the boxes found. */
const fixedLayout = (rows: number, outputs: TensorInfo[]): RowLayout => {
  const isRows = ({ shape: [first] }: TensorInfo) => rows > 1 || typeof first !== 'string' || first === ''
  return {
    axis: 'fixed',
    rowsPerRun: rows,
    perRow: new Set(outputs.filter(isRows).map((output) => output.name)),
    reason: rows === 1 ? 'its first axis is fixed to one row' : null,
  }
}
