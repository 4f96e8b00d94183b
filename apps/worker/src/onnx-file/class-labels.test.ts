import { expect, test } from 'vitest'
import { readClassLabels } from './class-labels.ts'
import { buildOnnx } from './fixtures/build-onnx.ts'
import type { NodeSpec } from './fixtures/build-onnx.ts'

const modelWith = (...nodes: NodeSpec[]) =>
  buildOnnx({
    inputs: [{ name: 'x', type: 'float32', shape: ['', 2] }],
    nodes,
    outputs: [{ name: 'y', type: 'int64', shape: [''] }],
  })

const classifier = (labels: Partial<NodeSpec>): NodeSpec => ({
  op: 'LinearClassifier',
  domain: 'ai.onnx.ml',
  inputs: ['x'],
  outputs: ['y'],
  ...labels,
})

test('the labels of a classifier node are found', () => {
  expect(
    readClassLabels(modelWith(classifier({ stringLists: { classlabels_strings: ['a', 'b'] } }))),
  ).toEqual(['a', 'b'])
  expect(readClassLabels(modelWith(classifier({ integerLists: { classlabels_ints: [-1, 1] } })))).toEqual([
    -1, 1,
  ])
})

test('labels are the text that they are in the file, and refused where they are none', () => {
  const odd = ['\ufeffa', '\ufffd', 'e\u0301', '\0']
  const model = modelWith(classifier({ stringLists: { classlabels_strings: [...odd, 'größe'] } }))
  const latin1 = Buffer.from(model)
  latin1.set([0xf6, 0x20], latin1.indexOf('größe') + 2)

  expect(readClassLabels(model)).toEqual([...odd, 'größe'])
  expect(() => readClassLabels(latin1)).toThrow('has a class label that is not UTF-8')
})

test.each([
  [{ integers: [1, 2, 3] }, [1, 2, 3]],
  [{ strings: ['a', 'b'] }, ['a', 'b']],
])('the constant that the predicted class is picked from is found', (values, labels) => {
  const model = buildOnnx({
    inputs: [{ name: 'x', type: 'float32', shape: ['', 2] }],
    constants: [
      { name: 'classes', ...values },
      { name: 'training_labels', integers: [0, 1, 1, 0] },
      { name: 'other', integers: [7, 8, 9] },
    ],
    nodes: [
      { op: 'ArrayFeatureExtractor', domain: 'ai.onnx.ml', inputs: ['training_labels', 'x'], outputs: ['z'] },
      { op: 'ArrayFeatureExtractor', domain: 'ai.onnx.ml', inputs: ['classes', 'z'], outputs: ['y'] },
    ],
    outputs: [{ name: 'y', type: 'int64', shape: [''] }],
  })

  expect(readClassLabels(model)).toEqual(labels)
})

test('two nodes that differ tell nothing', () => {
  const [one, other] = [
    ['a', 'b'],
    ['a', 'c'],
  ].map((labels) => classifier({ stringLists: { classlabels_strings: labels } }))

  expect(one && other && readClassLabels(modelWith(one, one))).toEqual(['a', 'b'])
  expect(one && other && readClassLabels(modelWith(one, other))).toBeUndefined()
})

test('a model without a classifier node tells nothing', () => {
  expect(readClassLabels(modelWith({ op: 'Identity', inputs: ['x'], outputs: ['y'] }))).toBeUndefined()
})

test('a label that JavaScript can’t hold exactly is refused', () => {
  const model = modelWith(classifier({ integerLists: { classlabels_ints: [0, 2 ** 60] } }))

  expect(() => readClassLabels(model)).toThrow('has a class label beyond 2^53')
})
