import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/**
 * Reads an ONNX file as protobuf fields, by the numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
 * A field keeps its own bytes, so that what is not understood can be written back exactly as it was.
 */
export type Field = {
  number: number
  /** the field with its tag */
  raw: Uint8Array
  /** the content of a message, string or packed list; undefined for a number */
  bytes: Uint8Array | undefined
}

export const modelGraphField = 7
export const modelOpsetField = 8
export const modelFields = { irVersion: 1, producerName: 2, producerVersion: 3 } as const
export const opsetFields = { domain: 1, version: 2 } as const
export const modelFunctionField = 25
/** of FunctionProto */
export const functionNodeField = 7
export const graphFields = { node: 1, initializer: 5, input: 11, output: 12, sparseInitializer: 15 } as const
/** of ValueInfoProto, and of what is in it */
export const valueFields = { type: 2, tensorType: 1, shape: 2 } as const
/** of TypeProto; each is a message that has the type of its elements, and of a map that of its keys and values */
export const typeFields = { tensor: 1, sequence: 4, map: 5, sparseTensor: 8, optional: 9 } as const
export const elementTypeField = 1
export const mapFields = { key: 1, value: 2 } as const
/** of TensorShapeProto, and of what is in it */
export const shapeFields = { axis: 1, length: 1, name: 2 } as const
export const nodeFields = { input: 1, output: 2, opType: 4, attribute: 5, domain: 7 } as const
export const attributeFields = {
  float: 2,
  string: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  ints: 8,
  strings: 9,
  tensors: 10,
  graphs: 11,
  type: 20,
  sparseTensor: 22,
  sparseTensors: 23,
} as const
export const tensorFields = { int32Data: 5, stringData: 6, int64Data: 7, name: 8, externalData: 13 } as const
/** of SparseTensorProto */
export const sparseFields = { values: 1, indices: 2 } as const
/** of StringStringEntryProto */
export const entryFields = { key: 1, value: 2 } as const
/** of ValueInfoProto and AttributeProto alike */
export const nameField = 1

export type OnnxNode = {
  inputs: string[]
  outputs: string[]
  opType: string
  domain: string
  attributes: Uint8Array[]
}

export function* readFields(message: Uint8Array): Generator<Field> {
  const reader = new BinaryReader(message)
  while (reader.pos < reader.len) {
    const start = reader.pos
    const [number, wireType] = reader.tag()
    const bytes = wireType === WireType.LengthDelimited ? reader.bytes() : undefined
    if (!bytes) reader.skip(wireType)
    yield { number, raw: message.subarray(start, reader.pos), bytes }
  }
}

/** A message with some of its fields written anew; null leaves a field out, undefined leaves it as it is. */
export const rewriteFields = (
  message: Uint8Array,
  rewrite: (field: { number: number; bytes: Uint8Array }) => Uint8Array | null | undefined,
): Uint8Array => {
  const writer = new BinaryWriter()
  for (const { number, raw, bytes } of readFields(message)) {
    const changed = bytes && rewrite({ number, bytes })
    if (changed) writer.tag(number, WireType.LengthDelimited).bytes(changed)
    else if (changed === undefined) writer.raw(raw)
  }
  return writer.finish()
}

/** The first messages or strings in a repeated field. */
export const readField = (message: Uint8Array, number: number, most = Infinity): Uint8Array[] => {
  const found: Uint8Array[] = []
  for (const field of readFields(message)) {
    if (found.length === most) break
    if (field.number === number && field.bytes) found.push(field.bytes)
  }
  return found
}

export const readNode = (node: Uint8Array): OnnxNode => ({
  inputs: readTexts(node, nodeFields.input),
  outputs: readTexts(node, nodeFields.output),
  opType: readTexts(node, nodeFields.opType).join(''),
  domain: readTexts(node, nodeFields.domain).join(''),
  attributes: readField(node, nodeFields.attribute),
})

/** The name of a ValueInfoProto or AttributeProto. */
export const readName = (message: Uint8Array) => {
  for (const { number, bytes } of readFields(message)) if (number === nameField && bytes) return toText(bytes)
  return ''
}

export const readTexts = (message: Uint8Array, number: number) => readField(message, number).map(toText)

/** The first integers of a list. */
export const readIntegers = (message: Uint8Array, number: number, most?: number): bigint[] =>
  readList(message, { number, most }, (reader) => BigInt(reader.int64()))

/** The first floats of a list. */
export const readFloats = (message: Uint8Array, number: number, most?: number): number[] =>
  readList(message, { number, most }, (reader) => reader.float())

/**
 * A list comes packed in one field or as a field each: both are in use. Trees have millions of numbers in some: nothing is made
 * but the list.
 */
const readList = <Value>(
  message: Uint8Array,
  { number, most = Infinity }: { number: number; most?: number | undefined },
  read: (reader: BinaryReader) => Value,
): Value[] => {
  const reader = new BinaryReader(message)
  const values: Value[] = []
  while (reader.pos < reader.len && values.length < most) {
    const [field, wireType] = reader.tag()
    if (field !== number) reader.skip(wireType)
    else if (wireType !== WireType.LengthDelimited) values.push(read(reader))
    else {
      const end = reader.uint32() + reader.pos
      while (reader.pos < end && values.length < most) values.push(read(reader))
      reader.pos = end
    }
  }
  return values
}

const decoder = new TextDecoder()

const toText = (bytes: Uint8Array) => decoder.decode(bytes)
