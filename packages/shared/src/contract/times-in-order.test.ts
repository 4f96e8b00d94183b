import { expect, test } from 'vitest'
import { inOrder } from './times-in-order.ts'

test('times that are in order stay as they are', () => {
  expect(inOrder({ createdAt: 1, startedAt: 2, completedAt: 3 })).toEqual({ startedAt: 2, completedAt: 3 })
})

test('a prediction did not start, or end, before it was made', () => {
  expect(inOrder({ createdAt: 10, startedAt: 2, completedAt: 3 })).toEqual({ startedAt: 10, completedAt: 10 })
})

test('a prediction did not end before it started', () => {
  expect(inOrder({ createdAt: 1, startedAt: 8, completedAt: 3 })).toEqual({ startedAt: 8, completedAt: 8 })
})

test('what has not happened has no time', () => {
  expect(inOrder({ createdAt: 5, startedAt: null, completedAt: null })).toEqual({
    startedAt: null,
    completedAt: null,
  })
  expect(inOrder({ createdAt: 5, startedAt: null, completedAt: 3 })).toEqual({
    startedAt: null,
    completedAt: 5,
  })
})
