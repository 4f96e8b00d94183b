import { expect, test } from 'vitest'
import { z } from 'zod'
import { chooseTask } from '../choose-task.ts'
import { readModelSettings } from '../../repository/read-model-settings.ts'
import { findRowLayout } from '../../tensors/row-layout.ts'
import type { Axis, ElementType, Label, OutputInfo, Tensors } from '../../tensors/tensor.ts'

const output = (name: string, type: ElementType, shape: Axis[], labels?: Label[]): OutputInfo => ({
  name,
  type,
  shape,
  ...(labels ? { labels } : {}),
})

const classifier = (outputs: OutputInfo[], yaml = '') => {
  const signature = { inputs: [{ name: 'x', type: 'float32', shape: ['', 2] } as const], outputs }
  const settings = readModelSettings(`task: tabular-classification\n${yaml}`)
  return chooseTask(settings).create({ signature, layout: findRowLayout(signature) })
}

const floats = (data: number[], columns: number) =>
  ({ type: 'float32', data: Float32Array.from(data), dims: [data.length / columns, columns] }) as const
const integers = (data: bigint[]) =>
  ({ type: 'int64', data: BigInt64Array.from(data), dims: [data.length] }) as const
const texts = (data: string[]) => ({ type: 'string', data, dims: [data.length] }) as const

const decodeOne = (task: ReturnType<typeof classifier>, tensors: Tensors) => {
  const [result] = task.decode(tensors, 1)
  if (result?.ok) expect(z.fromJSONSchema(task.outputSchema).safeParse(result.output).success).toBe(true)
  return result?.ok ? result.output : result?.detail
}

test('label and probabilities are found by type and shape', () => {
  const task = classifier([output('a', 'string', ['']), output('b', 'float32', ['', 2])], 'labels: [no, yes]')

  expect(decodeOne(task, { a: texts(['yes']), b: floats([0.25, 0.75], 2) })).toEqual({
    prediction: 'yes',
    probabilities: { no: 0.25, yes: 0.75 },
  })
})

test('labels in the file are used, and may be renamed', () => {
  const outputs = [output('label', 'int64', ['']), output('scores', 'float32', ['', 2], [-1, 1])]
  const tensors = { label: integers([1n]), scores: floats([0.25, 0.75], 2) }
  const withLabels = outputs.map((one) => ({ ...one, labels: [-1, 1] }))

  expect(decodeOne(classifier(withLabels), tensors)).toEqual({
    prediction: 1,
    probabilities: { '-1': 0.25, '1': 0.75 },
  })
  expect(decodeOne(classifier(withLabels, 'labels: [no, yes]'), tensors)).toEqual({
    prediction: 'yes',
    probabilities: { no: 0.25, yes: 0.75 },
  })
})

test('without labels the classes are numbered, and the card says so', () => {
  const task = classifier([output('label', 'int64', ['']), output('scores', 'float32', ['', 3])])

  expect(decodeOne(task, { label: integers([2n]), scores: floats([0, 0.25, 0.75], 3) })).toEqual({
    prediction: 2,
    probabilities: { '0': 0, '1': 0.25, '2': 0.75 },
  })
  expect(task.warnings).toEqual(['its classes are numbered 0 to 2; list labels in model.yaml to name them'])
})

test('a class number is named by the labels', () => {
  const task = classifier([output('label', 'int64', [''])], 'labels: [no, yes]')

  expect(decodeOne(task, { label: integers([1n]) })).toEqual({ prediction: 'yes', probabilities: null })
  expect(decodeOne(task, { label: integers([2n]) })).toBe('the predicted class is none of the labels')
})

test('with scores alone the prediction is the largest', () => {
  const task = classifier(
    [output('scores', 'float32', ['', 2])],
    'labels: [no, yes]\noutput: { activation: softmax }',
  )

  expect(decodeOne(task, { scores: floats([0, Math.log(3)], 2) })).toEqual({
    prediction: 'yes',
    probabilities: { no: 0.25, yes: 0.75 },
  })
})

test('a single column of scores is for two labels', () => {
  const task = classifier([output('p', 'float32', [''])], 'labels: [no, yes]')

  expect(decodeOne(task, { p: { type: 'float32', data: Float32Array.of(0.75), dims: [1] } })).toEqual({
    prediction: 'yes',
    probabilities: { no: 0.25, yes: 0.75 },
  })
})

test('a row whose scores are no numbers fails alone', () => {
  const task = classifier([output('scores', 'float32', ['', 2])])

  const results = task.decode({ scores: floats([0.5, 0.5, NaN, 0, 1, 0], 2) }, 3)

  expect(results.map((result) => result.ok)).toEqual([true, false, true])
  expect(results[1]).toEqual({ ok: false, code: 'invalid_output', detail: 'a score is not a finite number' })
})

test('an output of the wrong size is an error of every row', () => {
  const task = classifier([output('scores', 'float32', ['', 2])])

  expect(task.decode({ scores: floats([0.5, 0.5], 2) }, 2)).toEqual([
    {
      ok: false,
      code: 'invalid_output',
      detail: 'output scores does not have the same elements for each row',
    },
    {
      ok: false,
      code: 'invalid_output',
      detail: 'output scores does not have the same elements for each row',
    },
  ])
})

test('among several outputs, names decide', () => {
  const task = classifier([
    output('output_label', 'int64', ['']),
    output('leaf', 'int64', ['']),
    output('probabilities', 'float32', ['', 2]),
    output('margin', 'float32', ['', 2]),
  ])

  expect(task.outputNames).toEqual(['output_label', 'probabilities'])
})

test.each([
  [
    [output('a', 'float32', ['', 2]), output('b', 'float32', ['', 2])],
    '',
    "can't tell which output has the scores: a, b; say it in model.yaml, e.g. output: { scores: a }",
  ],
  [
    [output('a', 'float32', ['', 2])],
    'output: { scores: b }',
    'output.scores: there is no output b; outputs: a',
  ],
  [
    [output('a', 'float32', ['', 2]), output('b', 'int64', [''])],
    'output: { label: a }',
    "output.label: a is float32 [?, 2], which can't be it",
  ],
  [[output('a', 'bool', ['', 2])], '', 'none of its outputs is a label or a matrix of scores: a'],
  [[output('a', 'float32', ['', 3])], 'labels: [x, y]', 'labels: there are 2 for 3 columns of scores'],
  [[output('a', 'float32', ['', 2])], 'labels: [x, x]', 'labels: x is listed twice'],
  [
    [output('a', 'float32', ['', 2], ['x', 'y'])],
    'labels: [y, x]',
    'labels: the scores are in the order x, y; list them in that order, or leave them out',
  ],
  [
    [output('l', 'string', ['']), output('a', 'float32', ['', 2])],
    '',
    'its labels are not in the ONNX file; list them under labels in model.yaml, in the order of the scores',
  ],
])('outputs or labels that do not fit are refused', (outputs, yaml, reason) => {
  expect(() => classifier(outputs, yaml)).toThrow(reason)
})
