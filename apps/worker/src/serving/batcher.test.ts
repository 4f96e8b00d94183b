import { array, assert, boolean, constantFrom, integer, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import { Batcher } from './batcher.ts'
import type { Lane } from './batcher.ts'
import { Work } from './work.ts'
import type { Row } from './work.ts'

const workOf = (id: string, rowCount: number) =>
  new Work({
    id,
    rows: Array.from({ length: rowCount }, (_, index) => `${id}${index}`),
    signal: new AbortController().signal,
  })
const batcherOf = (...works: (readonly [work: Work, lane: Lane])[]) => {
  const batcher = new Batcher()
  for (const [work, lane] of works) batcher.add(work, lane)
  return batcher
}
const names = (rows: Row[]) => rows.map(({ work, index }) => work.rows[index])
const takeAll = (batcher: Batcher, maxRows: number) => {
  const taken: Row[][] = []
  while (batcher.size > 0) taken.push(batcher.take(maxRows))
  return taken
}

test('an empty batcher gives nothing', () => {
  expect(new Batcher().take(8)).toEqual([])
})

test('rows of one prediction leave in order, as many as may run together', () => {
  const batcher = batcherOf([workOf('a', 5), 'interactive'])

  expect(names(batcher.take(3))).toEqual(['a0', 'a1', 'a2'])
  expect(names(batcher.take(3))).toEqual(['a3', 'a4'])
  expect(batcher.size).toBe(0)
})

test('single rows leave oldest first', () => {
  const batcher = batcherOf(
    [workOf('a', 1), 'interactive'],
    [workOf('b', 1), 'interactive'],
    [workOf('c', 1), 'interactive'],
  )

  expect(names(batcher.take(2))).toEqual(['a0', 'b0'])
  expect(names(batcher.take(2))).toEqual(['c0'])
})

test('predictions take turns, so that a large one does not hold up a small one', () => {
  const batcher = batcherOf([workOf('a', 4), 'interactive'], [workOf('b', 2), 'interactive'])

  expect(names(batcher.take(6))).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'a3'])
})

test('the turns go on where the last micro-batch ended', () => {
  const batcher = batcherOf([workOf('a', 3), 'interactive'], [workOf('b', 3), 'interactive'])

  expect(names(batcher.take(3))).toEqual(['a0', 'b0', 'a1'])
  expect(names(batcher.take(3))).toEqual(['b1', 'a2', 'b2'])
})

test('a newcomer waits for one turn of the others', () => {
  const batcher = batcherOf([workOf('a', 9), 'interactive'], [workOf('b', 9), 'interactive'])
  batcher.take(3)

  batcher.add(workOf('c', 1), 'interactive')

  expect(names(batcher.take(3))).toEqual(['b1', 'a2', 'c0'])
})

test('rows of the batch lane fill what interactive rows leave', () => {
  const batcher = batcherOf([workOf('batch', 8), 'batch'], [workOf('a', 2), 'interactive'])

  expect(names(batcher.take(4))).toEqual(['a0', 'a1', 'batch0', 'batch1'])
})

test('a prediction that was dropped is passed over, and the micro-batch filled from the others', () => {
  const dropped = workOf('a', 4)
  const batcher = batcherOf([dropped, 'interactive'], [workOf('b', 3), 'interactive'])
  batcher.take(2)

  dropped.dropped = true

  expect(names(batcher.take(4))).toEqual(['b1', 'b2'])
  expect(batcher.size).toBe(0)
})

const anyWorks = array(
  record({
    rowCount: integer({ min: 1, max: 12 }),
    lane: constantFrom('interactive', 'batch'),
    dropped: boolean(),
  }),
  { maxLength: 12 },
)
const anyMaxRows = integer({ min: 1, max: 10 })

test('every row is taken exactly once, in the order of its prediction, and never too many at once', () => {
  assert(
    property(anyWorks, anyMaxRows, (specs, maxRows) => {
      const works = specs.map(({ rowCount }, index) => workOf(`p${index}.`, rowCount))
      const batcher = batcherOf(...works.map((work, index) => [work, specs[index]?.lane ?? 'batch'] as const))
      for (const [index, work] of works.entries()) work.dropped = specs[index]?.dropped ?? false

      const microBatches = takeAll(batcher, maxRows)

      const taken = names(microBatches.flat())
      for (const work of works) {
        const expected = work.dropped ? [] : work.rows
        expect(taken.filter((row) => String(row).startsWith(work.id))).toEqual(expected)
      }
      expect(microBatches.slice(0, -1).every((rows) => rows.length === maxRows)).toBe(true)
      expect(microBatches.every((rows) => rows.length <= maxRows)).toBe(true)
    }),
  )
})

test('no two predictions of a lane that still wait are more than one row apart', () => {
  assert(
    property(array(integer({ min: 1, max: 12 }), { maxLength: 8 }), anyMaxRows, (rowCounts, maxRows) => {
      const works = rowCounts.map((rowCount, index) => workOf(`p${index}`, rowCount))
      const batcher = batcherOf(...works.map((work) => [work, 'interactive'] as const))

      while (batcher.size > 0) {
        batcher.take(maxRows)

        const progress = works.filter((work) => work.nextRow < work.rows.length).map((work) => work.nextRow)
        // of no works at all this is -Infinity
        expect(Math.max(...progress) - Math.min(...progress)).toBeLessThanOrEqual(1)
      }
    }),
  )
})

test('no row of the batch lane goes before an interactive one', () => {
  assert(
    property(anyWorks, anyMaxRows, (specs, maxRows) => {
      const works = specs.map(({ rowCount, lane }, index) => ({ work: workOf(`p${index}`, rowCount), lane }))
      const batcher = batcherOf(...works.map(({ work, lane }) => [work, lane] as const))
      const interactive = new Set(works.filter(({ lane }) => lane === 'interactive').map(({ work }) => work))

      const taken = takeAll(batcher, maxRows).flat()

      const isInteractive = taken.map(({ work }) => interactive.has(work))
      expect(isInteractive).toEqual(isInteractive.toSorted((a, b) => Number(b) - Number(a)))
    }),
  )
})
