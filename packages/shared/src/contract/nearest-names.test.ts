import { expect, test } from 'vitest'
import { nearestName, nearestNames } from './nearest-names.ts'

test('the name that was meant comes first', () => {
  expect(nearestNames('irsi', ['resnet-50', 'iris'])).toEqual(['iris', 'resnet-50'])
  expect(nearestNames('', ['ab', 'a'])).toEqual(['a', 'ab'])
  expect(nearestNames('a', [])).toEqual([])
})

test('a misspelt name finds the one that was meant', () => {
  expect(nearestName('feature', ['labels', 'features'])).toBe('features')
  expect(nearestName('max_row', ['max_wait_ms', 'max_rows'])).toBe('max_rows')
  expect(nearestName('Labels', ['labels'])).toBe('labels')
})

test('a name that is like no other finds none', () => {
  expect(nearestName('gpu', ['labels', 'features'])).toBeUndefined()
  expect(nearestName('x', [])).toBeUndefined()
})
