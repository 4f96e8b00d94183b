import { expect, test } from 'vitest'
import { modelNotFound } from './model-not-found.ts'

const twelve = Array.from({ length: 12 }, (_, index) => `iris-${String(index + 10)}`)
const tenOfThem = 'iris-10, iris-11, iris-12, iris-13, iris-14, iris-15, iris-16, iris-17, iris-18, iris-19'

test('an unknown model is answered with the known ones, the nearest first', () => {
  expect(modelNotFound('irsi', ['housing', 'iris'])).toMatchObject({
    code: 'model_not_found',
    message: 'model "irsi" is not here; did you mean "iris"? known models: iris, housing',
  })
})

test.each(['demo_classifier', 'Demo-Classifier', 'demo-clasifier', 'democlassifier', 'demo classifier'])(
  'who asks for %s is told what he means',
  (name) => {
    const hint = 'did you mean "demo-classifier"? known models: demo-classifier, iris'

    expect(modelNotFound(name, ['iris', 'demo-classifier']).message).toContain(hint)
  },
)

test('who asks for something else is not', () => {
  expect(modelNotFound('resnet', ['iris', 'demo-classifier']).message).toBe(
    'model "resnet" is not here; known models: iris, demo-classifier',
  )
})

test('a name that can be none is not repeated', () => {
  for (const name of ['<b>😀', 'A'.repeat(100)])
    expect(modelNotFound(name, ['iris']).message).toBe('no model has such a name; known models: iris')
})

test('before any model was loaded that is said', () => {
  expect(modelNotFound('iris', []).message).toBe('model "iris" is not here; no model has been loaded yet')
})

test('ten names are told, and how many more there are', () => {
  expect(modelNotFound('iris-1', twelve).message).toBe(
    `model "iris-1" is not here; did you mean "iris-10"? known models: ${tenOfThem} and 2 more, see GET /v1/models`,
  )
})
