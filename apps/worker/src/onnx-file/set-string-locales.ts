import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import {
  attributeFields,
  graphFields,
  modelGraphField,
  nameField,
  nodeFields,
  readField,
  readFields,
  readName,
  readNode,
  readTexts,
  rewriteFields,
} from './onnx-fields.ts'

/** Part of glibc itself since 2.35; its letters are those of any other UTF-8 locale. */
const locale = 'C.UTF-8'
/** What ONNX Runtime takes where a node names none. Most images don't have it. */
const usual = /^en_US(\.utf-?8)?$/i

/**
 * Gives each StringNormalizer, which text pipelines of scikit-learn begin with, a locale that is there: without one of its
 * own ONNX Runtime wants en_US.UTF-8 for it. `C` would load too, and leaves É, Ü and П as they are.
 */
export const setStringLocales = (model: Uint8Array): Uint8Array => {
  const [graph] = readField(model, modelGraphField)
  // of what has the name somewhere else, such as among its weights, no copy is made
  if (!graph || !hasNormalizer(graph)) return model
  return rewriteFields(model, ({ number, bytes }) =>
    number === modelGraphField ? rewriteGraph(bytes) : undefined,
  )
}

const hasNormalizer = (graph: Uint8Array): boolean =>
  readField(graph, graphFields.node)
    .map(readNode)
    .some(({ opType, attributes }) => opType === 'StringNormalizer' || attributes.some(holdsNormalizer))

const holdsNormalizer = (attribute: Uint8Array) =>
  [attributeFields.graph, attributeFields.graphs]
    .flatMap((number) => readField(attribute, number))
    .some(hasNormalizer)

const rewriteGraph = (graph: Uint8Array): Uint8Array =>
  rewriteFields(graph, ({ number, bytes }) => (number === graphFields.node ? rewriteNode(bytes) : undefined))

const rewriteNode = (node: Uint8Array): Uint8Array | undefined => {
  const { opType, attributes } = readNode(node)
  if (opType === 'StringNormalizer') return withLocale(node)
  return attributes.some(hasGraph) ? rewriteFields(node, rewriteAttribute) : undefined
}

/** The branches of an If and the body of a Loop. */
const hasGraph = (attribute: Uint8Array) => {
  for (const { number } of readFields(attribute)) if (isGraph(number)) return true
  return false
}

const isGraph = (number: number) => number === attributeFields.graph || number === attributeFields.graphs

const rewriteAttribute = ({ number, bytes }: { number: number; bytes: Uint8Array }) =>
  number === nodeFields.attribute && hasGraph(bytes)
    ? rewriteFields(bytes, (field) => (isGraph(field.number) ? rewriteGraph(field.bytes) : undefined))
    : undefined

const withLocale = (node: Uint8Array) => {
  const isLocale = (attribute: Uint8Array) => readName(attribute) === 'locale'
  const [wanted] = readNode(node)
    .attributes.filter(isLocale)
    .flatMap((attribute) => readTexts(attribute, attributeFields.string))
  if (wanted !== undefined && wanted !== '' && !usual.test(wanted)) return undefined
  const bare = rewriteFields(node, ({ number, bytes }) =>
    number === nodeFields.attribute && isLocale(bytes) ? null : undefined,
  )
  const attribute = new BinaryWriter()
    .tag(nameField, WireType.LengthDelimited)
    .string('locale')
    .tag(attributeFields.string, WireType.LengthDelimited)
    .string(locale)
    .tag(attributeFields.type, WireType.Varint)
    .int32(stringAttribute)
  return new BinaryWriter()
    .raw(bare)
    .tag(nodeFields.attribute, WireType.LengthDelimited)
    .bytes(attribute.finish())
    .finish()
}

/** AttributeProto.AttributeType.STRING */
const stringAttribute = 3
