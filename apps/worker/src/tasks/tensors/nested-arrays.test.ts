import { expect, test } from 'vitest'
import { flatten, measure, nest } from './nested-arrays.ts'

const flattened = (value: unknown, dims: number[]) => {
  const elements: unknown[] = []
  const problem = flatten(value, dims, (element) => {
    if (typeof element !== 'number') return 'must be a number'
    elements.push(element)
    return undefined
  })
  return problem ?? elements
}

test('a value is measured by its first elements', () => {
  expect(measure([[1, 2, 3]], ['T', 3], new Map())).toEqual([1, 3])
  expect(measure(7, [], new Map())).toEqual([])
})

test('axes of one name have to agree', () => {
  const lengths = new Map<string, number>()

  expect(measure([1, 2], ['T'], lengths)).toEqual([2])
  expect(measure([1, 2, 3], ['T'], lengths)).toEqual({
    path: [],
    detail: 'must have 2 elements, as another T axis has',
  })
})

test('axes without a name need not agree', () => {
  expect(measure([[1, 2, 3]], ['', ''], new Map())).toEqual([1, 3])
})

test('a wrong length or depth is told with its place', () => {
  expect(measure([[1, 2]], [1, 3], new Map())).toEqual({ path: [0], detail: 'must have 3 elements' })
  expect(measure([], ['T'], new Map())).toEqual({ path: [], detail: 'must not be empty' })
  expect(measure([5], [1, 3], new Map())).toEqual({ path: [0], detail: 'must be an array' })
})

test('elements are written in row-major order', () => {
  expect(
    flattened(
      [
        [1, 2],
        [3, 4],
      ],
      [2, 2],
    ),
  ).toEqual([1, 2, 3, 4])
})

test('what is wrong deep inside is told with the path to it', () => {
  expect(
    flattened(
      [
        [1, 2],
        [3, 'x'],
      ],
      [2, 2],
    ),
  ).toEqual({ path: [1, 1], detail: 'must be a number' })
  expect(flattened([[1, 2], [3]], [2, 2])).toEqual({ path: [1], detail: 'must have 2 elements' })
  expect(flattened([[1, 2], 3], [2, 2])).toEqual({ path: [1], detail: 'must be an array' })
})

test('elements become nested arrays again', () => {
  const elements = [0, 1, 2, 3, 4, 5, 6]

  expect(nest((index) => elements[index], [3, 2], 1)).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
  expect(nest((index) => elements[index], [], 6)).toBe(6)
})
