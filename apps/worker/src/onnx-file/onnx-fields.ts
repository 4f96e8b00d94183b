import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

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
export const graphFields = { node: 1, initializer: 5, output: 12 } as const
const nodeFields = { input: 1, output: 2, opType: 4, attribute: 5, domain: 7 } as const
export const attributeFields = { ints: 8, strings: 9 } as const
export const tensorFields = { int32Data: 5, stringData: 6, int64Data: 7, name: 8 } as const
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

/** The messages or strings in a repeated field. */
export const readField = (message: Uint8Array, number: number): Uint8Array[] =>
  [...readFields(message)].flatMap((field) => (field.number === number && field.bytes ? [field.bytes] : []))

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

export const readIntegers = (message: Uint8Array, number: number): bigint[] =>
  [...readFields(message)].flatMap((field) => (field.number === number ? parseIntegers(field) : []))

/** A list of integers comes packed in one field or as a field each: both are in use. */
const parseIntegers = ({ raw, bytes }: Field): bigint[] => {
  const reader = new BinaryReader(bytes ?? raw)
  if (!bytes) reader.tag()
  const integers: bigint[] = []
  while (reader.pos < reader.len) integers.push(BigInt(reader.int64()))
  return integers
}

const toText = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
