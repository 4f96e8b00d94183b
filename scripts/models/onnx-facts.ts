import { locationsOf } from '../../apps/worker/src/onnx-file/external-files.ts'
import {
  attributeFields,
  elementTypeField,
  functionNodeField,
  graphFields,
  mapFields,
  modelFields,
  modelFunctionField,
  modelGraphField,
  modelOpsetField,
  opsetFields,
  readField,
  readIntegers,
  readName,
  readNode,
  readTexts,
  shapeFields,
  tensorFields,
  typeFields,
  valueFields,
} from '../../apps/worker/src/onnx-file/onnx-fields.ts'
import { toAxis } from '../../apps/worker/src/tensors/tensor.ts'
import type { Axis } from '../../apps/worker/src/tensors/tensor.ts'

/** An input or output as the file has it. */
export type OnnxValue = {
  name: string
  /** of the elements, `float32` say; `sequence(map(int64, float32))` of what is no tensor */
  type: string
  /** null where the file says none, or it is no tensor */
  shape: Axis[] | null
}

/** What an ONNX file says of itself. */
export type OnnxFacts = {
  irVersion: number | null
  producer: string
  opsets: { domain: string; version: number }[]
  inputs: OnnxValue[]
  outputs: OnnxValue[]
  operators: ReadonlySet<string>
  /** where weights are that are not in the file, relative to it */
  externalFiles: string[]
}

/** Undefined where the bytes are not a whole ONNX file. Nothing is run. */
export const readOnnxFacts = (model: Uint8Array): OnnxFacts | undefined => {
  try {
    const [graph] = readField(model, modelGraphField)
    return graph && readFacts(model, graph)
  } catch {
    // bytes that are no protobuf
    return undefined
  }
}

const readFacts = (model: Uint8Array, graph: Uint8Array): OnnxFacts => {
  const constants = new Set(
    readField(graph, graphFields.initializer).flatMap((tensor) => readTexts(tensor, tensorFields.name)),
  )
  const nodes = readField(model, modelFunctionField).flatMap((one) => readField(one, functionNodeField))
  return {
    irVersion: numberOf(model, modelFields.irVersion),
    producer: [modelFields.producerName, modelFields.producerVersion]
      .map((field) => readTexts(model, field).join(''))
      .filter((text) => text !== '')
      .join(' '),
    opsets: readField(model, modelOpsetField).map((opset) => ({
      domain: readTexts(opset, opsetFields.domain).join('') || 'ai.onnx',
      version: numberOf(opset, opsetFields.version) ?? 0,
    })),
    // old files list their constants among the inputs
    inputs: readField(graph, graphFields.input)
      .map(readValue)
      .filter(({ name }) => !constants.has(name)),
    outputs: readField(graph, graphFields.output).map(readValue),
    operators: new Set([...operatorsOf(graph), ...nodes.flatMap(operatorsOfNode)]),
    externalFiles: [...new Set(locationsOf(model))].sort(),
  }
}

const numberOf = (message: Uint8Array, field: number) => {
  const [number] = readIntegers(message, field)
  return number === undefined ? null : Number(number)
}

const operatorsOf = (graph: Uint8Array): string[] =>
  readField(graph, graphFields.node).flatMap(operatorsOfNode)

/** Its own, and those of the graphs that it holds: the branches of an If, the body of a Loop. */
const operatorsOfNode = (node: Uint8Array): string[] => {
  const { opType, attributes } = readNode(node)
  const graphs = [attributeFields.graph, attributeFields.graphs].flatMap((field) =>
    attributes.flatMap((attribute) => readField(attribute, field)),
  )
  return [opType, ...graphs.flatMap(operatorsOf)]
}

const readValue = (value: Uint8Array): OnnxValue => {
  const [type = nothing] = readField(value, valueFields.type)
  const [tensor] = readField(type, typeFields.tensor)
  const [shape] = tensor ? readField(tensor, valueFields.shape) : []
  return {
    name: readName(value),
    type: describeType(type),
    shape: shape ? readField(shape, shapeFields.axis).map(readAxis) : null,
  }
}

const nothing = new Uint8Array()

const readAxis = (axis: Uint8Array): Axis => {
  const length = numberOf(axis, shapeFields.length)
  if (length !== null) return length < 0 ? '' : length
  return toAxis(readTexts(axis, shapeFields.name).join(''))
}

const describeType = (type: Uint8Array): string => {
  const [tensor] = readField(type, typeFields.tensor)
  if (tensor) return elementName(numberOf(tensor, elementTypeField))
  const [map] = readField(type, typeFields.map)
  if (map) {
    const [value = nothing] = readField(map, mapFields.value)
    return `map(${elementName(numberOf(map, mapFields.key))}, ${describeType(value)})`
  }
  const [sparse] = readField(type, typeFields.sparseTensor)
  if (sparse) return `sparse(${elementName(numberOf(sparse, elementTypeField))})`
  for (const kind of ['sequence', 'optional'] as const) {
    const [outer] = readField(type, typeFields[kind])
    const [inner = nothing] = outer ? readField(outer, elementTypeField) : []
    if (outer) return `${kind}(${describeType(inner)})`
  }
  return 'unknown'
}

/** TensorProto.DataType, from 1 on */
const elementNames = [
  ['float32', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'string', 'bool', 'float16', 'float64'],
  ['uint32', 'uint64', 'complex64', 'complex128', 'bfloat16', 'float8e4m3fn', 'float8e4m3fnuz'],
  ['float8e5m2', 'float8e5m2fnuz', 'uint4', 'int4', 'float4e2m1', 'float8e8m0', 'uint2', 'int2'],
].flat()

const elementName = (number: number | null) =>
  elementNames[(number ?? 0) - 1] ?? `element type ${number ?? 0}`
