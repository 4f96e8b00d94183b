import { InferenceSession, Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { buildOnnx } from './fixtures/build-onnx.ts'
import type { NodeSpec } from './fixtures/build-onnx.ts'
import { setStringLocales } from './set-string-locales.ts'

const normalizer = (strings: Record<string, string> = {}): NodeSpec => ({
  op: 'StringNormalizer',
  inputs: ['x'],
  outputs: ['y'],
  strings: { case_change_action: 'LOWER', ...strings },
})
const modelOf = (node: NodeSpec) =>
  buildOnnx({
    inputs: [{ name: 'x', type: 'string', shape: [''] }],
    nodes: [node],
    outputs: [{ name: 'y', type: 'string', shape: [''] }],
  })

const lowered = async (model: Uint8Array, texts: string[]) => {
  const session = await InferenceSession.create(model, { logSeverityLevel: 4 })
  const { y } = await session.run({ x: new Tensor('string', texts, [texts.length]) })
  return y?.data
}

test.each([{}, { locale: 'en_US.UTF-8' }, { locale: 'en_US' }, { locale: '' }])(
  'texts are lowered, letters beyond ASCII too, where a node wants %j',
  async (wanted) => {
    const model = setStringLocales(modelOf(normalizer(wanted)))

    expect(await lowered(model, ['ÉCLAIR', 'Über', 'ПРИВЕТ', 'a'])).toEqual(['éclair', 'über', 'привет', 'a'])
  },
)

test('a node that names another locale keeps it, and a model without such nodes is as it was', () => {
  const model = modelOf(normalizer({ locale: 'tr_TR.UTF-8' }))
  const other = modelOf({ op: 'Identity', inputs: ['x'], outputs: ['y'] })

  expect(Buffer.from(setStringLocales(model))).toEqual(Buffer.from(model))
  expect(Buffer.from(setStringLocales(other))).toEqual(Buffer.from(other))
})
