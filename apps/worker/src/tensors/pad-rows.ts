import type { ElementType, Elements, TensorData, Tensors } from './tensor.ts'

/** Repeats the last of `rows` rows until there are `toRows` of them: a run may always take so many. */
export const padRows = (tensors: Tensors, { rows, toRows }: { rows: number; toRows: number }): Tensors =>
  rows === toRows ? tensors : mapTensors(tensors, (tensor) => padTensor(tensor, { rows, toRows }))

/**
 * Takes the padding of a run of `ranRows` rows off its outputs again, of those that are `perRow`: the others belong to
 * the run as a whole. One that turns out not to have a slice for each row has none that could be told from the padding,
 * so it is left with none at all, for the task to miss.
 */
export const cutRows = (
  tensors: Tensors,
  { rows, ranRows, perRow }: { rows: number; ranRows: number; perRow: ReadonlySet<string> },
): Tensors =>
  rows === ranRows
    ? tensors
    : mapTensors(tensors, (tensor, name) =>
        perRow.has(name) ? cutTensor(tensor, tensor.dims[0] === ranRows ? rows : 0) : tensor,
      )

const mapTensors = (tensors: Tensors, change: (tensor: TensorData, name: string) => TensorData): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, change(tensor, name)]))

const padTensor = (
  { type, data, dims }: TensorData,
  { rows, toRows }: { rows: number; toRows: number },
): TensorData => {
  const width = data.length / rows
  const padded = grow(data, type, toRows * width)
  for (let row = rows; row < toRows; row++) padded.copyWithin(row * width, (rows - 1) * width, rows * width)
  return { type, data: padded, dims: [toRows, ...dims.slice(1)] }
}

const cutTensor = ({ type, data, dims }: TensorData, rows: number): TensorData => {
  const length = rows === 0 ? 0 : (data.length / (dims[0] ?? 1)) * rows
  const cut = Array.isArray(data) ? data.slice(0, length) : data.subarray(0, length)
  return { type, data: cut, dims: [rows, ...dims.slice(1)] }
}

/** The same elements in an array of `length`. */
const grow = (data: Elements, type: ElementType, length: number): Elements => {
  if (type === 'string' || Array.isArray(data)) {
    return Array.from({ length }, (_, index) => String(data[index] ?? ''))
  }
  const grown = createElements[type](length)
  // byte by byte, since numbers and big integers can't be assigned to each other's arrays
  new Uint8Array(grown.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return grown
}

const createElements = {
  float32: (length: number) => new Float32Array(length),
  float64: (length: number) => new Float64Array(length),
  float16: (length: number) => new Float16Array(length),
  int64: (length: number) => new BigInt64Array(length),
  uint64: (length: number) => new BigUint64Array(length),
  int32: (length: number) => new Int32Array(length),
  uint32: (length: number) => new Uint32Array(length),
  int16: (length: number) => new Int16Array(length),
  uint16: (length: number) => new Uint16Array(length),
  int8: (length: number) => new Int8Array(length),
  uint8: (length: number) => new Uint8Array(length),
  bool: (length: number) => new Uint8Array(length),
}
