import { expect, test } from 'vitest'
import { nearestName } from './nearest-name.ts'

test('a misspelt name finds the one that was meant', () => {
  expect(nearestName('feature', ['labels', 'features'])).toBe('features')
  expect(nearestName('max_row', ['max_wait_ms', 'max_rows'])).toBe('max_rows')
  expect(nearestName('Labels', ['labels'])).toBe('labels')
})

test('a name that is like no other finds none', () => {
  expect(nearestName('gpu', ['labels', 'features'])).toBeUndefined()
  expect(nearestName('x', [])).toBeUndefined()
})
