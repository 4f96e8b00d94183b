import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

const modelsOf = (count: number) => Array.from({ length: count }, (_, index) => `m${index}`)
const allIdle = (models: string[]) => {
  const turns = new Turns()
  for (const model of models) turns.found(model, { isIdle: true })
  return turns
}

test('few models are looked at in every round', () => {
  const models = modelsOf(20)
  const turns = allIdle(models)

  expect(turns.next(models)).toEqual(models)
  expect(turns.next(models)).toEqual(models)
})

test.each([21, 100, 1000])('of %i models that rest each has its turn within five rounds', (count) => {
  const models = modelsOf(count)
  const turns = allIdle(models)

  const rounds = Array.from({ length: 5 }, () => turns.next(models))

  expect(new Set(rounds.flat())).toEqual(new Set(models))
  expect(Math.max(...rounds.map((round) => round.length))).toBeLessThanOrEqual(Math.max(20, count / 5) + 1)
})

test('one that has something to do is looked at in every round, and so is one that was not looked at yet', () => {
  const models = modelsOf(100)
  const turns = allIdle(models)
  turns.found('m50', { isIdle: false })
  const withNew = [...models, 'new']

  const rounds = Array.from({ length: 5 }, () => turns.next(withNew))

  expect(rounds.filter((round) => round.includes('m50'))).toHaveLength(5)
  expect(rounds.filter((round) => round.includes('new'))).toHaveLength(5)
  turns.found('m50', { isIdle: true })
  expect(rounds.filter(() => turns.next(withNew).includes('m50'))).toHaveLength(1)
})

test('the first is looked at in every round: the walk over all keys hangs on it', () => {
  const models = modelsOf(100)
  const turns = allIdle(models)

  expect(Array.from({ length: 5 }, () => turns.next(models)[0])).toEqual(Array(5).fill('m0'))
})
