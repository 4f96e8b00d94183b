import {
  attributeFields,
  graphFields,
  modelGraphField,
  readField,
  readFloats,
  readIntegers,
  readName,
  readNode,
  readTexts,
} from './onnx-fields.ts'
import type { OnnxNode } from './onnx-fields.ts'
import { readTypicalValues } from './read-typical-values.ts'
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
      listed(integerLists, (attribute) =>
        readIntegers(attribute, attributeFields.ints, mostNodes).map(Number),
      ),
      makers,
    ),
    thresholds: readThresholds(nodes.filter(isTrees)),
    sentences: sourcesOf(nodes.filter(takesSentences), makers),
    typical: readTypicalValues(nodes, makers),
    missing: sourcesOf(nodes.filter(takesMissing), makers),
  }
}

const isTrees = ({ opType }: OnnxNode) => opType.startsWith('TreeEnsemble')

/** The first nodes of a forest are whole trees: those of the others part in the same places. */
const mostNodes = 20_000
const leaf = Buffer.from('LEAF')

const readThresholds = (trees: OnnxNode[]) => {
  const all = new Map<number, Set<number>>()
  for (const { attributes } of trees) {
    const named = (name: string) => attributes.find((attribute) => readName(attribute) === name) ?? none
    const features = readIntegers(named('nodes_featureids'), attributeFields.ints, mostNodes).map(Number)
    const values = readFloats(named('nodes_values'), attributeFields.floats, mostNodes)
    const modes = readField(named('nodes_modes'), attributeFields.strings, mostNodes)
    for (const [index, feature] of features.entries()) {
      const value = values[index]
      const isLeaf = modes[index] !== undefined && leaf.equals(modes[index])
      if (isLeaf || value === undefined || !Number.isFinite(value)) continue
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

const takesSentences = ({ opType }: OnnxNode) => opType === 'TfIdfVectorizer'

const takesMissing = ({ opType, attributes }: OnnxNode) => {
  const named = (name: string) => attributes.find((attribute) => readName(attribute) === name)
  if (opType === 'Imputer') {
    const replaced = named('replaced_value_float')
    // what it replaces may be another value, such as -1
    return replaced !== undefined && Number.isNaN(readFloats(replaced, attributeFields.float)[0])
  }
  const tracks = opType.startsWith('TreeEnsemble') ? named('nodes_missing_value_tracks_true') : undefined
  return tracks !== undefined && readIntegers(tracks, attributeFields.ints).some((one) => one !== 0n)
}

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
