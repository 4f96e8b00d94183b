import { describe, expect, test } from 'vitest'
import { noHints } from '../onnx-file/value-hints.ts'
import type { ValueHints } from '../onnx-file/value-hints.ts'
import { seededRandom } from './sample-rows.ts'
import { typicalRow } from './typical-row.ts'

const rowOf = (properties: object, hints: Partial<ValueHints> = {}) =>
  typicalRow(
    { inputSchema: { type: 'object', properties } },
    { random: seededRandom(1), hints: { ...noHints, ...hints }, length: 3 },
  )
const numbers = (count: number) => ({
  type: 'array',
  items: { type: 'number' },
  minItems: count,
  maxItems: count,
})

test('numbers are short, and none is zero', () => {
  const row = rowOf({ x: numbers(200) })

  expect(Object.values(row ?? {}).flat()).toHaveLength(200)
  for (const number of Object.values(row ?? {}).flat()) {
    expect(String(number)).toMatch(/^-?\d\.\d$|^-?\d$/)
    expect(number).not.toBe(0)
  }
})

test('a number is what its column mostly has about, where the file knows it', () => {
  const typical = new Map([['x', [29.699118, 32.2042, 0.0012345]]])

  expect(rowOf({ x: numbers(3) }, { typical })).toEqual({ x: [29.7, 32.2, 0.00123] })
})

describe('between thresholds of trees a number has as few digits as it can', () => {
  test.each([
    [[5.449999809, 5.75, 6.15], 6],
    [[0.8, 0.81], 0.805],
    [[100, 1000], 550],
    [[2.45], 2.7],
    [[-3], -3.3 + 0.6],
    [[0], 0.1],
  ])('%j → %d', (list, expected) => {
    const row = rowOf({ x: numbers(1) }, { thresholds: new Map([[0, list]]) })

    expect(Object.values(row ?? {}).flat()[0]).toBeCloseTo(expected, 6)
  })
})

test('a category is one that the encoder knows, and a sentence has a few longer words of the vocabulary', () => {
  const words = new Map([
    ['sex', ['male', 'female']],
    ['review', ['a', 'and', 'great', 'film', 'boring', 'plot']],
  ])

  const row = rowOf(
    { sex: { type: 'string' }, review: { type: 'string' }, other: { type: 'string' } },
    { words, sentences: new Set(['review']) },
  )

  expect(row).toEqual({ sex: 'male', review: 'great film boring', other: 'text' })
})

test('integers are known ones, or count from one; of choices the first is taken', () => {
  const row = rowOf(
    {
      class: { type: 'integer' },
      ids: { type: 'array', items: { type: 'integer' }, minItems: 3, maxItems: 3 },
      color: { enum: ['red', 'blue'] },
      flag: { type: 'boolean' },
    },
    { integers: new Map([['class', [1, 2, 3]]]) },
  )

  expect(row).toEqual({ class: 2, ids: [1, 2, 3], color: 'red', flag: false })
})
