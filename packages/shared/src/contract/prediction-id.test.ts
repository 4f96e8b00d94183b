import { expect, test } from 'vitest'
import {
  isPackId,
  maxPackMembers,
  memberIdOf,
  memberIdsOf,
  modelOfPredictionId,
  numberInPack,
  packIdOf,
} from './prediction-id.ts'

const packId = 'iris-01HF7YAT00ABCDEFGHJKMNPQ00'

test('the predictions of a pack are numbered in base 32, from 1 on, and sort by their numbers', () => {
  const ids = memberIdsOf(packId, maxPackMembers)

  expect(ids.slice(0, 2)).toEqual(['iris-01HF7YAT00ABCDEFGHJKMNPQ01', 'iris-01HF7YAT00ABCDEFGHJKMNPQ02'])
  expect(memberIdOf(packId, 31)).toBe('iris-01HF7YAT00ABCDEFGHJKMNPQ0Z')
  expect(memberIdOf(packId, 32)).toBe('iris-01HF7YAT00ABCDEFGHJKMNPQ10')
  expect(ids.at(-1)).toBe('iris-01HF7YAT00ABCDEFGHJKMNPQZZ')
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(1023)
})

test('from the id of a prediction follow the pack, its number and the model', () => {
  for (const number of [1, 31, 32, 1023]) {
    const id = memberIdOf(packId, number)

    expect(packIdOf(id)).toBe(packId)
    expect(numberInPack(id)).toBe(number)
    expect(modelOfPredictionId(id)).toBe('iris')
    expect(isPackId(id)).toBe(false)
  }
  expect(isPackId(packId)).toBe(true)
})
