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

test('a long error is cut, into no half of a character', () => {
  expect(tidyMessage(`${'x'.repeat(299)}😀`)).toBe(`${'x'.repeat(299)}\ufffd`)
})
