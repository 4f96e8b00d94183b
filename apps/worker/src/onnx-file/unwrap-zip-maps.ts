import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { labelsOfNode, mlDomain } from './class-labels.ts'
import {
  graphFields,
  modelGraphField,
  nameField,
  readField,
  readName,
  readNode,
  rewriteFields,
} from './onnx-fields.ts'
import type { OnnxNode } from './onnx-fields.ts'
import type { Label } from '../tensors/tensor.ts'

/**
 * Takes the ZipMap nodes off the end of a model.
 *
 * scikit-learn's and LightGBM's converters end a classifier with a ZipMap, which turns the matrix of scores into a list
 * of maps from label to score. onnxruntime-node can't return that. Without the node the matrix is the output, and the
 * node's keys are its column names:
 *
 *     … ─▶ probabilities ─▶ ZipMap(classlabels) ─▶ output_probability      before
 *     … ─▶ probabilities                                                   after
 *
 * The rest of the file is written back byte by byte. To callers the matrix keeps the name of the output that it
 * replaces: `output` is that name, `tensor` is what the changed model calls it.
 */
export type ZipMap = { output: string; tensor: string; labels: Label[] }

export const unwrapZipMaps = (
  model: Uint8Array,
  scores: ScoreType = 'float32',
): { model: Uint8Array; zipMaps: ZipMap[] } => {
  const [graph] = readField(model, modelGraphField)
  const ends = graph ? findZipMaps(graph) : []
  if (!graph || ends.length === 0) return { model, zipMaps: [] }
  const outputs = outputNames(graph)
  return {
    model: rewriteModel(model, ends, scores),
    // a matrix that was an output all along keeps its own name
    zipMaps: ends.map((end) => (outputs.includes(end.tensor) ? { ...end, output: end.tensor } : end)),
  }
}

/** Only those whose result is an output, and nothing else's input. */
const findZipMaps = (graph: Uint8Array): ZipMap[] => {
  const nodes = readField(graph, graphFields.node).map(readNode)
  const outputs = outputNames(graph)
  const used = new Set(nodes.flatMap((node) => node.inputs))
  return nodes.flatMap((node) => {
    const [tensor = ''] = node.inputs
    const [output = ''] = node.outputs
    const isEnd = isZipMap(node) && outputs.includes(output) && !used.has(output)
    return isEnd ? [{ output, tensor, labels: labelsOfNode(node) }] : []
  })
}

const outputNames = (graph: Uint8Array) => readField(graph, graphFields.output).map(readName)

/** What the matrix holds. ONNX has ZipMap for float32 only, and converters put it behind float64 all the same. */
export type ScoreType = 'float32' | 'float64'

/** TensorProto.DataType */
const elementNumbers = { float32: 1, float64: 11 } as const

const isZipMap = (node: OnnxNode) => node.opType === 'ZipMap' && node.domain === mlDomain

const rewriteModel = (model: Uint8Array, zipMaps: ZipMap[], scores: ScoreType) =>
  rewriteFields(model, ({ number, bytes }) =>
    number === modelGraphField ? rewriteGraph(bytes, zipMaps, scores) : undefined,
  )

const rewriteGraph = (graph: Uint8Array, zipMaps: ZipMap[], scores: ScoreType) => {
  const outputs = outputNames(graph)
  const endOf = (name: string | undefined) => zipMaps.find((zipMap) => zipMap.output === name)
  return rewriteFields(graph, ({ number, bytes }) => {
    if (number === graphFields.node) {
      const node = readNode(bytes)
      return isZipMap(node) && endOf(node.outputs[0]) ? null : undefined
    }
    const end = number === graphFields.output ? endOf(readName(bytes)) : undefined
    if (!end) return undefined
    return outputs.includes(end.tensor) ? null : matrixInfo(end, scores)
  })
}

/**
 * A ValueInfoProto: any number of rows, a column a label. The shape is spelled
 * out because ONNX Runtime can't infer it through every classifier node.
 */
const matrixInfo = ({ tensor, labels }: ZipMap, scores: ScoreType) => {
  const anyLength = new Uint8Array()
  const columns = new BinaryWriter().tag(1, WireType.Varint).int64(labels.length).finish()
  const shape = new BinaryWriter()
  writeMessage(shape, 1, anyLength)
  writeMessage(shape, 1, columns)
  const tensorType = new BinaryWriter().tag(1, WireType.Varint).int32(elementNumbers[scores])
  writeMessage(tensorType, 2, shape.finish())
  const type = new BinaryWriter()
  writeMessage(type, 1, tensorType.finish())
  const info = new BinaryWriter().tag(nameField, WireType.LengthDelimited).string(tensor)
  writeMessage(info, 2, type.finish())
  return info.finish()
}

const writeMessage = (writer: BinaryWriter, number: number, message: Uint8Array) =>
  writer.tag(number, WireType.LengthDelimited).bytes(message)
