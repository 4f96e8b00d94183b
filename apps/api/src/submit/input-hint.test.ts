import { expect, test } from 'vitest'
import { inputHint as hintOf } from './input-hint.ts'

type Asked = Parameters<typeof hintOf>[0]
const inputHint = (asked: Omit<Asked, 'first'>, detail = 'expected number, received string') =>
  hintOf({ ...asked, first: { detail } })

const example = { X: [5.1, 3.5, 1.4, 0.2] }
const shown = 'one that fits is {"X":[5.1,3.5,1.4,0.2]}'

test.each([
  ['a row without its name', [5.1, 3.5, 1.4, 0.2]],
  ['a matrix', [[5.1, 3.5, 1.4, 0.2]]],
  ['a number', 5.1],
  ['null', null],
  ['features at the top', { sepal_length: 5.1, sepal_width: 3.5 }],
  ['rows with other names', [{ features: [5.1, 3.5, 1.4, 0.2] }]],
])('%s is told what fits', (_, input) => {
  expect(inputHint({ form: 'input', input, example })).toBe(shown)
  expect(inputHint({ form: 'request', input, example })).toBe(
    'one that fits is {"input":{"X":[5.1,3.5,1.4,0.2]}}',
  )
})

test('the wrapping of a submit is no input of predict, unless the model has one of that name', () => {
  const input = { input: { X: [1] } }

  expect(inputHint({ form: 'input', input, example })).toBe(
    'predict takes the input by itself, without {"input": …} around it',
  )
  expect(inputHint({ form: 'input', input, example: { input: [1] } })).toBe(undefined)
  expect(inputHint({ form: 'request', input, example })).toBe(
    'one that fits is {"input":{"X":[5.1,3.5,1.4,0.2]}}',
  )
})

test('an input that has the names of the model, one without an example, and an example that is long get none', () => {
  expect(inputHint({ form: 'input', input: { X: ['a'] }, example })).toBe(undefined)
  expect(inputHint({ form: 'input', input: [{ X: ['a'] }], example })).toBe(undefined)
  expect(inputHint({ form: 'input', input: [1], example: null })).toBe(undefined)
  expect(inputHint({ form: 'input', input: [1], example: { X: Array(100).fill(0.5) } })).toBe(undefined)
})

test('a null where the model takes none is told what would take it', () => {
  const asked = { form: 'input', input: { X: [null] }, example } as const

  expect(inputHint(asked, 'expected number, received null')).toBe(
    'null is a missing value where model.yaml says missing: allow',
  )
})

test('a row where whole tensors are wanted is told what fits, and text that is missing nothing', () => {
  const whole = { form: 'input', input: { x: [1, 2] }, example: { x: [[1, 2]] } } as const

  expect(inputHint(whole, 'expected array, received number')).toBe('one that fits is {"x":[[1,2]]}')
  expect(inputHint({ form: 'input', input: { X: [null] }, example }, 'expected string, received null')).toBe(
    undefined,
  )
})
