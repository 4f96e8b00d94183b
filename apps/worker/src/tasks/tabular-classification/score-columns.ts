import type { RowLayout } from '../../tensors/row-layout.ts'
import { isFloat } from '../../tensors/tensor.ts'
import type { Label, OutputInfo, Tensors } from '../../tensors/tensor.ts'

/**
 * The outputs that have a score for one class each, as scikit-learn's converter writes them with `zipmap: columns`: two or
 * more columns of floats, and no matrix of them. Undefined where there are none such.
 */
export const findScoreColumns = (outputs: readonly OutputInfo[]): OutputInfo[] | undefined => {
  const floats = outputs.filter(({ type }) => isFloat(type))
  return floats.length > 1 && floats.every(isColumn) ? floats : undefined
}

const isColumn = ({ shape }: OutputInfo) => shape.length === 1 || (shape.length === 2 && shape[1] === 1)

/** One output for the tasks, with a column for each of these. */
export const asMatrix = (columns: readonly OutputInfo[], label: OutputInfo | undefined): OutputInfo => {
  const type = columns.some((column) => column.type === 'float64') ? 'float64' : 'float32'
  const shape = [columns[0]?.shape[0] ?? '', columns.length]
  return { name: columns.map(({ name }) => name).join(', '), type, shape, labels: labelsOf(columns, label) }
}

/** The converter writes a letter before the class: `svirginica`, `i0`. */
const labelsOf = (columns: readonly OutputInfo[], label: OutputInfo | undefined): Label[] => {
  const names = columns.map(({ name }) => name)
  if (label?.type !== 'string' && names.every((name) => /^i-?\d+$/.test(name))) {
    return names.map((name) => Number(name.slice(1)))
  }
  return label?.type === 'string' && names.every((name) => /^s./.test(name))
    ? names.map((name) => name.slice(1))
    : names
}

/** The layout that the matrix of these has: that of its columns. */
export const withColumns = (
  layout: RowLayout,
  columns: readonly OutputInfo[],
  matrix: OutputInfo | undefined,
): RowLayout =>
  matrix && columns.every(({ name }) => layout.perRow.has(name))
    ? { ...layout, perRow: new Set([...layout.perRow, matrix.name]) }
    : layout

/** The tensors with the matrix of these, unless one is missing or has another length. */
export const joinColumns = (
  tensors: Tensors,
  columns: readonly OutputInfo[],
  { name, type }: OutputInfo,
): Tensors => {
  const all = columns.map((column) => tensors[column.name]?.data)
  const rows = all[0]?.length ?? 0
  if (all.some((data) => data?.length !== rows)) return tensors
  const values = Array.from({ length: rows * all.length }, (_, index) =>
    Number(all[index % all.length]?.[Math.floor(index / all.length)]),
  )
  const data = type === 'float64' ? Float64Array.from(values) : Float32Array.from(values)
  return { ...tensors, [name]: { type, data, dims: [rows, all.length] } }
}
