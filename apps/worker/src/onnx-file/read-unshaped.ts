import { graphFields, modelGraphField, readField, readName, valueFields } from './onnx-fields.ts'

/** The inputs and outputs of which the file tells no shape: ONNX Runtime gives them none, as it does scalars. */
export const readUnshaped = (model: Uint8Array): Set<string> => {
  const [graph = new Uint8Array()] = readField(model, modelGraphField)
  const values = [graphFields.input, graphFields.output].flatMap((number) => readField(graph, number))
  return new Set(values.filter((value) => !hasShape(value)).map(readName))
}

const hasShape = (value: Uint8Array) =>
  readField(value, valueFields.type)
    .flatMap((type) => readField(type, valueFields.tensorType))
    .some((tensor) => readField(tensor, valueFields.shape).length > 0)
