import { expect, test } from 'vitest'
import { hasPlainAnswer, toPlainAnswer } from './plain-answer.ts'

/** As cards have it, of classifiers with labels and without. */
const classifier = (labels?: (string | number)[]) => ({
  outputSchema: {
    type: 'object',
    properties: {
      prediction: labels ? { enum: labels } : { type: 'integer' },
      probabilities: labels ? { type: 'object' } : { type: 'null' },
    },
  },
})

test('two classes: the prediction, and the probability of the second label', () => {
  const output = { prediction: 1, probabilities: { '0': 0.07, '1': 0.93 } }

  expect(toPlainAnswer(output, classifier([0, 1]))).toEqual({ prediction: 1, probability_class_1: 0.93 })
})

test('the second label is that of the model, not the second key', () => {
  const output = { prediction: 10, probabilities: { '2': 0.25, '10': 0.75 } }

  expect(toPlainAnswer(output, classifier([10, 2]))).toEqual({ prediction: 10, probability_class_1: 0.25 })
  expect(
    toPlainAnswer({ prediction: 'ham', probabilities: { ham: 0.9, spam: 0.1 } }, classifier(['ham', 'spam'])),
  ).toEqual({ prediction: 'ham', probability_class_1: 0.1 })
})

test('without probabilities the probability is null', () => {
  const output = { prediction: 1, probabilities: null }

  expect(toPlainAnswer(output, classifier([0, 1]))).toEqual({ prediction: 1, probability_class_1: null })
  expect(toPlainAnswer(output, classifier())).toEqual({ prediction: 1, probability_class_1: null })
})

test('every row of an array has its answer', () => {
  const rows = [
    { prediction: 1, probabilities: { '0': 0.1, '1': 0.9 } },
    { prediction: 0, probabilities: { '0': 1, '1': 0 } },
  ]

  expect(toPlainAnswer(rows, classifier([0, 1]))).toEqual([
    { prediction: 1, probability_class_1: 0.9 },
    { prediction: 0, probability_class_1: 0 },
  ])
})

test('any other model answers what predict answers', () => {
  const iris = { prediction: 'setosa', probabilities: { setosa: 1, versicolor: 0, virginica: 0 } }

  expect(toPlainAnswer(iris, classifier(['setosa', 'versicolor', 'virginica']))).toBe(iris)
  expect(
    toPlainAnswer({ prediction: 0.4 }, { outputSchema: { properties: { prediction: { type: 'number' } } } }),
  ).toEqual({
    prediction: 0.4,
  })
  expect(toPlainAnswer({ y: [1] }, null)).toEqual({ y: [1] })
})

test('outputs that a model happens to call prediction and probabilities are answered as they are', () => {
  const integers = { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 }
  const bare = { outputSchema: { properties: { prediction: { type: 'integer' }, probabilities: integers } } }

  expect(hasPlainAnswer(bare)).toBe(false)
  expect(toPlainAnswer({ prediction: 1, probabilities: [0, 1] }, bare)).toEqual({
    prediction: 1,
    probabilities: [0, 1],
  })
})
