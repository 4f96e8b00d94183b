import { expect, test } from 'vitest'
import { nearestNames } from './nearest-names.ts'

test('the name that was meant comes first', () => {
  expect(nearestNames('irsi', ['resnet-50', 'iris'])).toEqual(['iris', 'resnet-50'])
  expect(nearestNames('', ['ab', 'a'])).toEqual(['a', 'ab'])
  expect(nearestNames('a', [])).toEqual([])
})
