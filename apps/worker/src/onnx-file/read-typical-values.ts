import { attributeFields, readFloats, readName } from './onnx-fields.ts'
import type { OnnxNode } from './onnx-fields.ts'

/** By the name of the attribute in which a node has a value for each column: what stands for a missing one, the mean. */
const valuesOf: Record<string, string> = { Imputer: 'imputed_value_floats', Scaler: 'offset' }

/** What is done to columns without making others of them. */
const passing = new Set(['Cast', 'Identity', 'Reshape', 'Imputer'])
const joining = new Set(['Concat', 'FeatureVectorizer'])

/** By the name of an input: a value that each of its columns mostly has about, as its Imputer or its Scaler knows it. */
export const readTypicalValues = (
  nodes: readonly OnnxNode[],
  makers: ReadonlyMap<string, OnnxNode>,
): ReadonlyMap<string, number[]> => {
  const typical = new Map<string, number[]>()
  const note = (name: string, values: number[]) => {
    if (!typical.has(name)) typical.set(name, values)
  }
  /** A file may have as many steps as it likes, and a cycle. */
  const cameFrom = (end: string) => {
    const seen = new Set<string>()
    let name = end
    for (let maker = makers.get(name); maker && passing.has(maker.opType); maker = makers.get(name)) {
      if (seen.has(name)) break
      seen.add(name)
      name = maker.inputs[0] ?? ''
    }
    return name
  }
  for (const { opType, attributes, inputs } of nodes) {
    const attribute = attributes.find((one) => readName(one) === valuesOf[opType])
    const values = attribute ? readFloats(attribute, attributeFields.floats) : []
    if (values.length === 0 || !values.every(Number.isFinite)) continue
    const name = cameFrom(inputs[0] ?? '')
    const maker = makers.get(name)
    if (!maker) note(name, values)
    else if (joining.has(maker.opType) && maker.inputs.length === values.length)
      for (const [column, input] of maker.inputs.entries()) note(cameFrom(input), [values[column] ?? 0])
  }
  return typical
}
