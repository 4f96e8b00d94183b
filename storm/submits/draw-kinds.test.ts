import { expect, test } from 'vitest'
import { drawKinds } from './draw-kinds.ts'
import type { SubmitKind } from './submit-kind.ts'

const kind = (name: string, weight: number): SubmitKind => ({ name, weight, run: async () => undefined })
const kinds = [kind('often', 9), kind('rarely', 1), kind('hardly ever', 0.001)]

const countEach = (drawn: readonly SubmitKind[]) =>
  Object.fromEntries(kinds.map(({ name }) => [name, drawn.filter((one) => one.name === name).length]))

test('kinds come as often as they weigh, and each at least once', () => {
  const counts = countEach(drawKinds(kinds, { seed: 1, predictions: 1000 }))

  expect(counts['often']).toBeGreaterThan(850)
  expect(counts['rarely']).toBeGreaterThan(60)
  expect(counts['hardly ever']).toBeGreaterThanOrEqual(1)
})

test('the same seed draws the same', () => {
  const names = (seed: number) => drawKinds(kinds, { seed, predictions: 50 }).map(({ name }) => name)

  expect(names(3)).toEqual(names(3))
  expect(names(3)).not.toEqual(names(4))
})
