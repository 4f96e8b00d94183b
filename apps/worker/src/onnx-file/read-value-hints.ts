import { BinaryReader } from '@bufbuild/protobuf/wire'
import {
  attributeFields,
  graphFields,
  modelGraphField,
  readField,
  readFields,
  readIntegers,
  readName,
  readNode,
  readTexts,
} from './onnx-fields.ts'
import type { Field, OnnxNode } from './onnx-fields.ts'
import { noHints } from './value-hints.ts'
import type { ValueHints } from './value-hints.ts'

/** Attributes of LabelEncoder, OneHotEncoder, CategoryMapper, TfIdfVectorizer … */
const wordLists = ['cats_strings', 'keys_strings', 'pool_strings', 'string_vocabulary']
const integerLists = ['cats_int64s', 'keys_int64s']
const mostKnown = 64
const mostThresholds = 16

export const readValueHints = (model: Uint8Array): ValueHints => {
  const [graph] = readField(model, modelGraphField)
  if (!graph) return noHints
  const nodes = readField(graph, graphFields.node).map(readNode)
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node])))
  const listed = <Value>(names: string[], read: (attribute: Uint8Array) => Value[]) =>
    nodes.flatMap((node) => {
      const lists = node.attributes.filter((attribute) => names.includes(readName(attribute)))
      const values = lists.flatMap((attribute) => read(attribute))
      return values.length > 0 ? [{ node, values }] : []
    })
  return {
    words: knownBySource(
      listed(wordLists, (attribute) => readTexts(attribute, attributeFields.strings)),
      makers,
    ),
    integers: knownBySource(
      listed(integerLists, (attribute) => readIntegers(attribute, attributeFields.ints).map(Number)),
      makers,
    ),
    thresholds: readThresholds(nodes.filter(isTrees)),
    missing: sourcesOf(nodes.filter(takesMissing), makers),
  }
}

const isTrees = ({ opType }: OnnxNode) => opType.startsWith('TreeEnsemble')

const readThresholds = (trees: OnnxNode[]) => {
  const all = new Map<number, Set<number>>()
  for (const { attributes } of trees) {
    const named = (name: string) => attributes.find((attribute) => readName(attribute) === name)
    const features = readIntegers(named('nodes_featureids') ?? none, attributeFields.ints).map(Number)
    const values = readFloats(named('nodes_values') ?? none)
    const modes = readTexts(named('nodes_modes') ?? none, attributeFields.strings)
    for (const [index, feature] of features.entries()) {
      const value = values[index]
      if (modes[index] === 'LEAF' || value === undefined || !Number.isFinite(value)) continue
      // LightGBM has 1e-35 for zero
      const threshold = Math.abs(value) < 1e-30 ? 0 : value
      const known = all.get(feature)
      if (known) known.add(threshold)
      else all.set(feature, new Set([threshold]))
    }
  }
  return new Map(
    [...all].map(([feature, values]) => [
      feature,
      spread(
        [...values].toSorted((a, b) => a - b),
        mostThresholds,
      ),
    ]),
  )
}

const none = new Uint8Array()

const takesMissing = (node: OnnxNode) =>
  node.opType === 'Imputer' ||
  (isTrees(node) &&
    node.attributes.some(
      (attribute) =>
        readName(attribute) === 'nodes_missing_value_tracks_true' &&
        readIntegers(attribute, attributeFields.ints).some((tracks) => tracks !== 0n),
    ))

type Makers = ReadonlyMap<string, OnnxNode>

/** What nodes know, by all names from which what they are given comes. */
const knownBySource = <Value>(
  knowing: { node: OnnxNode; values: Value[] }[],
  makers: Makers,
): ReadonlyMap<string, Value[]> => {
  const known = new Map<string, Set<Value>>()
  for (const { node, values } of knowing) {
    for (const source of sourcesOf([node], makers)) {
      known.set(source, new Set([...(known.get(source) ?? []), ...values]))
    }
  }
  return new Map([...known].map(([source, values]) => [source, spread([...values], mostKnown)]))
}

/** The names from which the values of these nodes come, however many steps before. */
const sourcesOf = (ends: OnnxNode[], makers: Makers): ReadonlySet<string> => {
  const sources = new Set<string>()
  const open = ends.flatMap((node) => node.inputs)
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (sources.has(name)) continue
    sources.add(name)
    open.push(...(makers.get(name)?.inputs ?? []))
  }
  return sources
}

/** So many of a list, over all of its length. */
const spread = <Item>(items: Item[], most: number): Item[] =>
  items.length <= most
    ? items
    : items.filter(
        (_, index) =>
          Math.floor((index * most) / items.length) !== Math.floor(((index - 1) * most) / items.length),
      )

/** A list of floats comes packed in one field or as a field each. */
const readFloats = (attribute: Uint8Array): number[] =>
  [...readFields(attribute)].flatMap((field) =>
    field.number === attributeFields.floats ? parseFloats(field) : [],
  )

const parseFloats = ({ raw, bytes }: Field): number[] => {
  const reader = new BinaryReader(bytes ?? raw)
  if (!bytes) reader.tag()
  const floats: number[] = []
  while (reader.pos < reader.len) floats.push(reader.float())
  return floats
}
