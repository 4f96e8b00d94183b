import { expect, test } from 'vitest'
import { createLossGrace } from './loss-grace.ts'
import { modelEntry } from './model-entry.fixture.ts'

const iris = modelEntry('iris')

test('a model that is gone from Redis stays until its workers had time to bring it back', () => {
  let now = 0
  const goBy = createLossGrace(() => now)

  expect(goBy('iris', iris, undefined)).toBe(iris)
  now = 5999
  expect(goBy('iris', iris, undefined)).toBe(iris)
  now = 6000
  expect(goBy('iris', iris, undefined)).toBeUndefined()
})

test('so does one whose cards are gone', () => {
  const goBy = createLossGrace(() => 0)
  const withoutCards = { ...iris, versions: [] }

  expect(goBy('iris', iris, withoutCards)).toBe(iris)
})

test('what is found counts, and the time begins anew with the next loss', () => {
  let now = 0
  const goBy = createLossGrace(() => now)
  const newer = modelEntry('iris')
  goBy('iris', iris, undefined)
  now = 5000

  expect(goBy('iris', iris, newer)).toBe(newer)
  now = 7000
  expect(goBy('iris', newer, undefined)).toBe(newer)
})

test('a model that was never known is as it is found', () => {
  const goBy = createLossGrace(() => 0)
  const withoutCards = { ...iris, versions: [] }

  expect(goBy('iris', undefined, undefined)).toBeUndefined()
  expect(goBy('iris', undefined, withoutCards)).toBe(withoutCards)
})
