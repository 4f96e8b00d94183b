import { modelOpsetField, opsetFields, readField, readIntegers, readTexts } from './onnx-fields.ts'

/** The version of ONNX's own operators that a model was exported with. */
export const readOpset = (model: Uint8Array): bigint | undefined => {
  const own = readField(model, modelOpsetField).find((opset) => {
    const domain = readTexts(opset, opsetFields.domain).join('')
    return domain === '' || domain === 'ai.onnx'
  })
  return own && readIntegers(own, opsetFields.version)[0]
}
