/** Element types that onnxruntime-node can carry both ways. */
export const elementTypes = [
  'float32',
  'float64',
  'float16',
  'int64',
  'uint64',
  'int32',
  'uint32',
  'int16',
  'uint16',
  'int8',
  'uint8',
  'bool',
  'string',
] as const
export type ElementType = (typeof elementTypes)[number]

export type Elements =
  | Float32Array
  | Float64Array
  | Float16Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | string[]

/** A tensor in row-major order, free of ONNX Runtime, so that tasks are plain functions. */
export type TensorData = { type: ElementType; data: Elements; dims: readonly number[] }

/** Tensors by input or output name. */
export type Tensors = Record<string, TensorData>

/** A number is a fixed axis, a string one of any length; axes with the same name have the same length, '' is no name. */
export type Axis = number | string

/** Some exporters give all axes of unknown length one such name. */
const noName = /^(\?|none|-1|unk__\d+)$/i

/** An axis as a file has it, where a name may be none. */
export const toAxis = (axis: Axis): Axis => (typeof axis === 'string' && noName.test(axis) ? '' : axis)

/** What the ONNX file says of an input or output. */
export type TensorInfo = {
  name: string
  type: ElementType
  shape: readonly Axis[]
  /** the file says nothing of its shape, so that there may be any number of axes */
  isUnshaped?: boolean
  /** of an input: the model takes NaN for a missing value */
  takesMissing?: boolean
}

export type Label = string | number

/** An output; `labels` are the classes that it is about, where the file tells them, in the order of the scores. */
export type OutputInfo = TensorInfo & { labels?: Label[] }

export type Signature = { inputs: TensorInfo[]; outputs: OutputInfo[] }

export const isFloat = (type: ElementType) => type === 'float32' || type === 'float64' || type === 'float16'

export const elementCount = (dims: readonly number[]) => dims.reduce((product, length) => product * length, 1)

export const showShape = (shape: readonly Axis[]) =>
  `[${shape.map((axis) => (axis === '' ? '?' : axis)).join(', ')}]`
