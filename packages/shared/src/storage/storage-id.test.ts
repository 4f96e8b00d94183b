import { expect, test } from 'vitest'
import { explainOtherStorage } from './storage-id.ts'

test('processes that have the same storage, or none, are no reason to complain', () => {
  expect(explainOtherStorage('a', [])).toEqual([])
  expect(explainOtherStorage('a', ['a', 'a'])).toEqual([])
  expect(explainOtherStorage(undefined, ['a', 'b'])).toEqual([])
})

test('one that has another storage is told about with what to do', () => {
  expect(explainOtherStorage('a', ['a', 'b', 'b'])).toEqual([
    'other processes have another storage than this one (a; b): give all of them one folder that they share, in ONQUEUE_STORAGE',
  ])
})
