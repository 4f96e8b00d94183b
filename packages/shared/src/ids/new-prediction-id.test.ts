import { assert, property, stringMatching } from 'fast-check'
import { expect, test } from 'vitest'
import { modelOfPredictionId } from '../contract/prediction-id.ts'
import { keyedPredictionId, newPredictionId } from './new-prediction-id.ts'

const anyModel = stringMatching(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/)
const request = { model: 'iris', owner: 'billing', idempotencyKey: 'order-1', secret: 'secret' }

test('an id is the model and a ULID of the time', () => {
  const id = newPredictionId('iris', Date.parse('2023-11-14T22:13:20Z'))

  expect(id).toMatch(/^iris-01HF7YAT00[0-9A-HJKMNP-TV-Z]{16}$/)
})

test('ids of a model sort by the time of their creation', () => {
  const ids = [1, 1000, 1_000_000].map((now) => newPredictionId('iris', now))

  // Redis compares bytes, as `sort` without a comparison does
  expect(ids.toReversed().sort()).toEqual(ids)
})

test('two predictions of the same millisecond have different ids', () => {
  expect(newPredictionId('iris', 1000)).not.toBe(newPredictionId('iris', 1000))
})

test('an idempotency key gives the same id on every API process', () => {
  expect(keyedPredictionId(request)).toBe('iris-BRH6Z0YVVFHEG371C2T78EX1Q5')
})

test('another owner, model, key or secret gives another id', () => {
  const ids = [
    keyedPredictionId(request),
    keyedPredictionId({ ...request, owner: 'search' }),
    keyedPredictionId({ ...request, model: 'minilm' }),
    keyedPredictionId({ ...request, idempotencyKey: 'order-2' }),
    keyedPredictionId({ ...request, secret: 'other' }),
  ]

  expect(new Set(ids.map((id) => id.split('-')[1])).size).toBe(5)
})

test('where the owner ends and the key begins is part of the id', () => {
  const ids = [
    keyedPredictionId({ ...request, owner: 'a', idempotencyKey: 'bc' }),
    keyedPredictionId({ ...request, owner: 'ab', idempotencyKey: 'c' }),
  ]

  expect(ids[0]).not.toBe(ids[1])
})

test('the model is read off any id, dashes and dots in its name included', () => {
  assert(
    property(anyModel, (model) => {
      expect(modelOfPredictionId(newPredictionId(model, 1000))).toBe(model)
      expect(modelOfPredictionId(keyedPredictionId({ ...request, model }))).toBe(model)
    }),
  )
})

test.each([
  ['nothing', ''],
  ['a model alone', 'iris'],
  ['no model', '-01HF7YAT00ABCDEFGHJKMNPQRS'],
  ['a suffix that is too short', 'iris-01HF7YAT00ABCDEFGHJKMNPQR'],
  ['a suffix that is too long', 'iris-01HF7YAT00ABCDEFGHJKMNPQRST'],
  ['a suffix in lower case', 'iris-01hf7yat00abcdefghjkmnpqrs'],
  ['a letter that Crockford leaves out', 'iris-01HF7YAT00ABCDEFGHJKMNPQRU'],
  ['a name that no model can have', 'Iris-01HF7YAT00ABCDEFGHJKMNPQRS'],
  ['a line break at the end', 'iris-01HF7YAT00ABCDEFGHJKMNPQRS\n'],
])('%s is no prediction id', (_, id) => {
  expect(modelOfPredictionId(id)).toBeUndefined()
})
