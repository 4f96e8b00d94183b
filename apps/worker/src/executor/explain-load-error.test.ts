import { expect, test } from 'vitest'
import { explainLoadError, tidyMessage } from './explain-load-error.ts'

test('an error that is not known is told without source positions and paths', () => {
  const message =
    'Load model from /srv/models/x/model.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:187 onnxruntime::Model::Model(onnx::ModelProto&&) Something odd.\n\n'

  expect(explainLoadError(new Error(message))).toBe("ONNX Runtime can't load it: Something odd.")
})

test('of an error while running, the last status message is what counts', () => {
  const message =
    "Non-zero status code returned while running Gather node. Name:'' Status Message: indices element out of data bounds"

  expect(tidyMessage(message)).toBe('indices element out of data bounds')
})

test('an error from within a template is told without its types', () => {
  const message =
    'Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/math/element_wise_ops.cc:2052 void onnxruntime::mod_internal::CallModImpl<T, typename std::enable_if<std::is_floating_point<_Tp>::value, void>::type>::operator()(bool, onnxruntime::OpKernelContext*) const [with T = float; typename std::enable_if<std::is_floating_point<_Tp>::value, void>::type = void] fmod was false. fmod attribute must be true for floating point types'

  expect(tidyMessage(message)).toBe('fmod was false. fmod attribute must be true for floating point types')
})

test('what an error says in brackets stays', () => {
  const message =
    '/onnxruntime_src/onnxruntime/core/attention.cc:9 onnxruntime::common::Status onnxruntime::Attention::Compute(onnxruntime::OpKernelContext*) const lengths differ (3 and 4)'

  expect(tidyMessage(message)).toBe('lengths differ (3 and 4)')
})

test.each([
  ['24', 'uint2'],
  ['26', 'float8e8m0'],
  ['27', 'elements of type 27'],
])('elements of type %s are told as %s', (number, name) => {
  expect(explainLoadError(new Error(`Unsupported data type: ${number}`))).toBe(
    `an input or output holds ${name}, which onnxruntime-node can't carry`,
  )
})

test('a long error is cut, into no half of a character', () => {
  expect(tidyMessage(`${'x'.repeat(299)}😀`)).toBe(`${'x'.repeat(299)}\ufffd`)
})
