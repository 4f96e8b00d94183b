import { Refusal } from '../refusal.ts'
import {
  attributeFields,
  entryFields,
  functionNodeField,
  graphFields,
  modelFunctionField,
  modelGraphField,
  nodeFields,
  readField,
  readTexts,
  sparseFields,
  tensorFields,
} from './onnx-fields.ts'

/**
 * Refuses a model whose weights are in a file outside of its folder. ONNX Runtime refuses it too; that the files of a machine are not
 * read into a model, which could then answer with them, must not depend on its version.
 */
export const checkExternalFiles = (model: Uint8Array): void => {
  for (const location of locationsOf(model)) {
    if (!doesLeave(location)) continue
    const name = location.slice(0, 100).toWellFormed()
    throw new Refusal(
      `its weights are in ${name}, which is no place in the model's folder: export it with a name without folders above it`,
    )
  }
}

/** An absolute path, or one with a way up, as either system writes them. */
export const doesLeave = (location: string) =>
  /^([/\\]|[A-Za-z]:)/.test(location) || location.split(/[/\\]/).includes('..') || location.includes('\0')

/** Where its weights are that are not in it, relative to it, as often as it says so. */
export function* locationsOf(model: Uint8Array): Generator<string> {
  for (const graph of readField(model, modelGraphField)) yield* locationsInGraph(graph)
  for (const one of readField(model, modelFunctionField))
    for (const node of readField(one, functionNodeField)) yield* locationsInNode(node)
}

function* locationsInGraph(graph: Uint8Array): Generator<string> {
  for (const tensor of readField(graph, graphFields.initializer)) yield* locationsInTensor(tensor)
  for (const sparse of readField(graph, graphFields.sparseInitializer)) yield* locationsInSparse(sparse)
  for (const node of readField(graph, graphFields.node)) yield* locationsInNode(node)
}

function* locationsInNode(node: Uint8Array): Generator<string> {
  for (const attribute of readField(node, nodeFields.attribute)) {
    const all = (...numbers: number[]) => numbers.flatMap((number) => readField(attribute, number))
    for (const tensor of all(attributeFields.tensor, attributeFields.tensors))
      yield* locationsInTensor(tensor)
    for (const sparse of all(attributeFields.sparseTensor, attributeFields.sparseTensors))
      yield* locationsInSparse(sparse)
    for (const graph of all(attributeFields.graph, attributeFields.graphs)) yield* locationsInGraph(graph)
  }
}

function* locationsInSparse(sparse: Uint8Array): Generator<string> {
  for (const number of [sparseFields.values, sparseFields.indices])
    for (const tensor of readField(sparse, number)) yield* locationsInTensor(tensor)
}

function* locationsInTensor(tensor: Uint8Array): Generator<string> {
  for (const entry of readField(tensor, tensorFields.externalData))
    if (readTexts(entry, entryFields.key).at(-1) === 'location') yield* readTexts(entry, entryFields.value)
}
