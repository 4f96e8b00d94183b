import { assert, array, integer, property, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import { planRowLimit } from './plan-row-limit.ts'

const knownOf = (...times: [rows: number, computeMs: number][]) =>
  times.map(([rows, computeMs]) => ({ rows, computeMs }))

test('as many rows as model.yaml allows, where they compute within 100 ms', () => {
  const plan = planRowLimit({ times: knownOf([1, 1], [64, 60]), maxRows: 64 })

  expect(plan).toEqual({ rows: 64, boundBy: 'max_rows' })
})

test('between a micro-batch that is within 100 ms and one that is not', () => {
  const plan = planRowLimit({ times: knownOf([1, 40], [5, 112]), maxRows: 64 })

  expect(plan).toEqual({ rows: 4, boundBy: 'time' })
})

test('whole blocks of six rows, where the last one takes little more than 100 ms when it is filled', () => {
  // a heavy model, whose runs of 7 rows take as long as those of 10
  const plan = planRowLimit({ times: knownOf([8, 91], [12, 107]), maxRows: 64 })

  expect(plan).toEqual({ rows: 12, boundBy: 'time' })
})

test('a block less, where filling the last one takes too long', () => {
  const plan = planRowLimit({ times: knownOf([6, 65], [12, 130]), maxRows: 64 })

  expect(plan).toEqual({ rows: 6, boundBy: 'time' })
})

test('a block that was not tried is, though by smaller ones it would take rather long', () => {
  expect(planRowLimit({ times: knownOf([6, 70]), maxRows: 64 })).toEqual({ rows: 12, boundBy: 'time' })
  expect(planRowLimit({ times: knownOf([6, 80]), maxRows: 64 })).toEqual({ rows: 6, boundBy: 'time' })
})

test('blocks are no reason to go beyond what model.yaml allows, and rows that are less than one stay', () => {
  expect(planRowLimit({ times: knownOf([1, 9], [8, 80]), maxRows: 11 }).rows).toBe(11)
  expect(planRowLimit({ times: knownOf([1, 20]), maxRows: 64 }).rows).toBe(2)
  expect(planRowLimit({ times: knownOf([1, 20], [8, 160]), maxRows: 64 }).rows).toBe(5)
})

test('no more than twice as many as were tried, though they would be within 100 ms', () => {
  const plan = planRowLimit({ times: knownOf([1, 9], [4, 16]), maxRows: 64 })

  expect(plan).toEqual({ rows: 6, boundBy: 'untried' })
})

test('a little more than was tried, where that is all the time there is', () => {
  const plan = planRowLimit({ times: knownOf([1, 16], [15, 88]), maxRows: 64 })

  expect(plan).toEqual({ rows: 18, boundBy: 'time' })
})

test('rows that take longer than that run one by one', () => {
  const plan = planRowLimit({ times: knownOf([1, 3000]), maxRows: 64 })

  expect(plan).toEqual({ rows: 1, boundBy: 'time' })
})

test('where only larger ones were tried, and all took too long, in proportion', () => {
  const plan = planRowLimit({ times: knownOf([16, 400]), maxRows: 64 })

  expect(plan).toEqual({ rows: 4, boundBy: 'time' })
})

test('a small one that took too long once says nothing against a larger one that did not', () => {
  const plan = planRowLimit({ times: knownOf([1, 16], [2, 150], [16, 93]), maxRows: 64 })

  expect(plan).toEqual({ rows: 18, boundBy: 'time' })
})

test('times too short to measure are no trouble', () => {
  expect(planRowLimit({ times: knownOf([1, 0], [8, 0]), maxRows: 8 }).rows).toBe(8)
})

test('at least one row, and never more than model.yaml allows, whatever was measured', () => {
  const anyTime = tuple(integer({ min: 1, max: 64 }), integer({ min: 0, max: 5000 }))
  assert(
    property(array(anyTime), integer({ min: 1, max: 64 }), (measured, maxRows) => {
      const times = knownOf(...new Map(measured)).sort((a, b) => a.rows - b.rows)

      const { rows } = planRowLimit({ times, maxRows })

      expect(rows).toBeGreaterThanOrEqual(1)
      expect(rows).toBeLessThanOrEqual(maxRows)
      expect(Number.isInteger(rows)).toBe(true)
    }),
  )
})
