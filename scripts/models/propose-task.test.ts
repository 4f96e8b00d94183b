import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { OutputInfo, TensorInfo } from '../../apps/worker/src/tensors/tensor.ts'
import { inspectModel } from './inspect-model.ts'
import { proposeFor, proposeTask } from './propose-task.ts'

const root = join(import.meta.dirname, '../..')
const input = (
  name: string,
  shape: TensorInfo['shape'],
  type: TensorInfo['type'] = 'float32',
): TensorInfo => ({
  name,
  type,
  shape,
})
const output = input
const model = (inputs: TensorInfo[], outputs: OutputInfo[], operators: string[] = []) => ({
  signature: { inputs, outputs },
  operators: new Set(operators),
})

test.each([
  ['models/iris', 'tabular-classification'],
  ['models/demo-classifier', 'tabular-classification'],
  ['models/housing', 'tabular-regression'],
  ['tests/models-as-exported/columns-with-imputer', 'tabular-classification'],
  ['tests/models-as-exported/isolation-forest', 'tabular-classification'],
  ['tests/models-as-exported/lightgbm-label-shape-1', 'tabular-classification'],
  ['tests/models-as-exported/multi-output-forest-regressor', 'tabular-regression'],
  ['tests/models-as-exported/tfidf-text', 'tabular-classification'],
  ['tests/models-as-exported/zip-map-columns', 'tabular-classification'],
  ['tests/models-as-exported/audio-1d', 'tensors'],
  ['tests/models-as-exported/detector-nonzero', 'tensors'],
  ['tests/models-as-exported/no-shape', 'tensors'],
  ...readdirSync(join(root, 'tests/models'))
    .filter((name) => !name.includes('.') && name !== 'dict-and-seq')
    .map((name) => [`tests/models/${name}`, 'tensors']),
])('%s looks made for %s', async (folder, task) => {
  const { proposal } = await inspectModel(join(root, folder, 'model.onnx'))

  expect(proposal?.task).toBe(task)
})

test('a classifier is told by its label and scores, with the classes that the file holds', async () => {
  const { proposal } = await inspectModel(join(root, 'models/iris/model.onnx'))

  expect(proposal).toEqual({
    task: 'tabular-classification',
    why: 'measurements [?, 4] (float32) has rows, label (string) is a class for each row, and probabilities has scores',
    columns: ['feature_0', 'feature_1', 'feature_2', 'feature_3'],
    labels: ['setosa', 'versicolor', 'virginica'],
  })
})

test('classes that are only numbered are not said to be in the file', () => {
  const { task, labels } = proposeTask(
    model(
      [input('x', ['N', 4])],
      [
        { name: 'label', type: 'int64', shape: ['N'] },
        { name: 'scores', type: 'float32', shape: ['N', 3] },
      ],
    ),
  )

  expect(task).toBe('tabular-classification')
  expect(labels).toBe(undefined)
})

test('one number for a row of columns is a regression', () => {
  const proposal = proposeTask(
    model([input('x', ['batch', 8])], [{ name: 'output', type: 'float32', shape: ['batch', 1] }]),
  )

  expect(proposal).toMatchObject({
    task: 'tabular-regression',
    why: 'x [batch, 8] (float32) has rows, and output [batch, 1] is one number for each row',
  })
})

test('features are listed where a matrix lies beside other inputs, which the task could not tell apart', () => {
  const proposal = proposeTask(
    model(
      [input('numbers', ['N', 2]), input('city', ['N', 1], 'string')],
      [{ name: 'variable', type: 'float32', shape: ['N', 1] }],
    ),
  )

  expect(proposal).toMatchObject({
    task: 'tabular-regression',
    features: [
      { name: 'numbers_0', input: 'numbers' },
      { name: 'numbers_1', input: 'numbers' },
      { name: 'city', input: 'city' },
    ],
  })
})

test('what the task itself would refuse is not proposed, and the reason is told', () => {
  const images = model(
    [input('pixels', ['N', 3, 224, 224])],
    [{ name: 'class_probabilities', type: 'float32', shape: ['N', 1000] }],
  )

  expect(proposeTask(images)).toMatchObject({
    task: 'tensors',
    why: expect.stringContaining(
      'a tabular model takes [rows] or [rows, columns], and this one takes pixels',
    ),
  })
  expect(proposeFor('tabular-regression', images).misfit).toContain('this one takes pixels')
})

test.each([
  [
    'a regressor among its operators',
    [output('out', ['N', 2])],
    ['TreeEnsembleRegressor'],
    'tabular-regression',
  ],
  ['an output that is called a prediction', [output('prediction', ['N', 2])], [], 'tabular-regression'],
  ['an output of two numbers', [output('out', ['N', 2])], [], 'tensors'],
  ['two outputs of a number', [output('out', ['N']), output('other', ['N'])], [], 'tensors'],
  ['a label', [output('label', ['N'], 'int64')], [], 'tabular-classification'],
  ['a label that is true or false', [output('label', ['N'], 'bool')], [], 'tensors'],
  ['probabilities alone', [output('probabilities', ['N', 3])], [], 'tabular-classification'],
] as const)('columns with %s look made for it', (_, outputs, operators, task) => {
  expect(proposeTask(model([input('x', ['N', 4])], [...outputs], [...operators])).task).toBe(task)
})

test('scores of many outputs are counted and not listed', () => {
  const scores = ['a', 'b', 'c', 'd'].map((name) => output(name, ['N', 2]))

  const { why } = proposeTask(model([input('x', ['N', 4])], [output('label', ['N'], 'int64'), ...scores]))

  expect(why).toMatch(/4 other outputs have scores/)
})
