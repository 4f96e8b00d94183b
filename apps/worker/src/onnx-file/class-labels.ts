import {
  attributeFields,
  graphFields,
  modelGraphField,
  readField,
  readIntegers,
  readName,
  readNode,
  readTexts,
  tensorFields,
} from './onnx-fields.ts'
import type { OnnxNode } from './onnx-fields.ts'
import { Refusal } from '../refusal.ts'
import type { Label } from '../tensors/tensor.ts'

export const mlDomain = 'ai.onnx.ml'

/**
 * The classes that the file itself holds, in the order of the scores: in the attributes of a classifier node
 * (LinearClassifier, TreeEnsembleClassifier, SVMClassifier …) or in the constant that an ArrayFeatureExtractor picks the
 * predicted one from, as scikit-learn's converter writes the others. Undefined where there are none, or several that
 * differ.
 */
export const readClassLabels = (model: Uint8Array): Label[] | undefined => {
  const [graph] = readField(model, modelGraphField)
  if (!graph) return undefined
  const nodes = readField(graph, graphFields.node)
    .map(readNode)
    .filter((node) => node.domain === mlDomain)
  const picked = nodes.filter((node) => node.opType === 'ArrayFeatureExtractor').map((node) => node.inputs[0])
  const constants = readField(graph, graphFields.initializer)
    .filter((tensor) => picked.includes(readTexts(tensor, tensorFields.name)[0]))
    .map(labelsOfTensor)
  const lists = [...nodes.map(labelsOfNode), ...constants].filter(areClasses)
  const distinct = new Set(lists.map((labels) => JSON.stringify(labels)))
  return distinct.size === 1 ? lists[0] : undefined
}

/** The classes in a node's attributes `classlabels_strings`, `classlabels_ints` or `classlabels_int64s`. */
export const labelsOfNode = (node: OnnxNode): Label[] =>
  node.attributes
    .filter((attribute) => readName(attribute).startsWith('classlabels_'))
    .flatMap((attribute) => [
      ...readField(attribute, attributeFields.strings).map(toLabel),
      ...readIntegers(attribute, attributeFields.ints).map(toNumber),
    ])

/** Integers in raw form are left alone: of the converters that write classes this way, none uses it. */
const labelsOfTensor = (tensor: Uint8Array): Label[] => [
  ...readField(tensor, tensorFields.stringData).map(toLabel),
  ...readIntegers(tensor, tensorFields.int32Data).map(toNumber),
  ...readIntegers(tensor, tensorFields.int64Data).map(toNumber),
]

/** The labels of the training rows, which a nearest-neighbours model holds too, come more than once each. */
const areClasses = (labels: Label[]) => labels.length > 1 && new Set(labels).size === labels.length

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const toLabel = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes)
  } catch (err) {
    throw new Refusal('has a class label that is not UTF-8; convert the model with labels in UTF-8', {
      cause: err,
    })
  }
}

const toNumber = (value: bigint): number => {
  if (Number.isSafeInteger(Number(value))) return Number(value)
  throw new Refusal('has a class label beyond 2^53; use text for labels')
}
