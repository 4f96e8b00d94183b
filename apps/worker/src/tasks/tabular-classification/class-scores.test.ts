import { expect, test } from 'vitest'
import { argmax, createScoreReader } from './class-scores.ts'

const probabilities = (
  scores: number[],
  activation: 'none' | 'softmax' | 'sigmoid',
  type: 'float32' | 'float64' = 'float32',
) => createScoreReader({ columns: scores.length, activation, type })((column) => scores[column] ?? NaN)

test('scores that are probabilities are given with the digits they have', () => {
  expect(probabilities([Math.fround(0.9), Math.fround(0.1)], 'none')).toEqual([0.9, 0.1])
  expect(probabilities([0.1 + 0.2, 0.7], 'none', 'float64')).toEqual([0.30000000000000004, 0.7])
})

test('softmax makes probabilities of scores of any size', () => {
  expect(probabilities([Math.log(3), 0], 'softmax')).toEqual([0.75, 0.25])
  expect(probabilities([1000, 1000, -1000], 'softmax')).toEqual([0.5, 0.5, 0])
})

test('sigmoid makes a probability of each score by itself', () => {
  expect(probabilities([0, Math.log(3), 0], 'sigmoid')).toEqual([0.5, 0.75, 0.5])
})

test('a single score is the probability of the second of two labels', () => {
  expect(probabilities([0.75], 'none')).toEqual([0.25, 0.75])
  expect(probabilities([Math.log(3)], 'sigmoid')).toEqual([0.25, 0.75])
  expect(probabilities([Math.log(3)], 'softmax')).toEqual([0.25, 0.75])
})

test('scores that are no probabilities are told', () => {
  expect(probabilities([NaN, 0.5], 'none')).toBe('a score is not a finite number')
  expect(probabilities([Infinity, 0.5], 'softmax')).toBe('a score is not a finite number')
  expect(probabilities([2.5], 'none')).toBe('its score is not a probability; set output.activation')
})

test('the first of the largest wins', () => {
  expect(argmax([0.1, 0.5, 0.5])).toBe(1)
  expect(argmax([-3, -2])).toBe(1)
})
