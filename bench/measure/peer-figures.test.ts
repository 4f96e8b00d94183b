import { expect, test } from 'vitest'
import { toPeerFigures } from './peer-figures.ts'
import type { PeerSample } from './peer-figures.ts'

const sampleOf = (name: string, figure: number, onqueue: number, microsEach?: number): PeerSample => ({
  name,
  kind: 'predict',
  figure,
  onqueue,
  failures: 0,
  examples: [],
  ...(microsEach === undefined ? {} : { microsEach }),
})

test('a server is held against the OnQueue of its own round', () => {
  const samples = [sampleOf('slow', 50, 100), sampleOf('slow', 100, 400), sampleOf('slow', 75, 100)]

  const [slow] = toPeerFigures(samples)

  expect(slow?.figure.median).toBe(75)
  expect(slow?.timesOnQueue).toEqual({
    median: 0.5,
    lowest: 0.25,
    highest: 0.75,
    rounds: [0.5, 0.25, 0.75],
  })
})

test('rounds of two servers are kept apart', () => {
  const samples = [sampleOf('one', 1, 1, 10), sampleOf('other', 2, 1), sampleOf('one', 3, 1, 30)]

  const figures = toPeerFigures(samples)

  expect(figures.map(({ name, figure }) => [name, figure.rounds])).toEqual([
    ['one', [1, 3]],
    ['other', [2]],
  ])
  expect(figures.map(({ microsEach }) => microsEach)).toEqual([20, undefined])
})
