import { expect, test } from 'vitest'
import { msUntilAhead, planAhead } from './plan-ahead.ts'

test('a run of up to 20 ms has the next one behind it at once, until it should be over', () => {
  expect(planAhead({ runMs: 20, deviationMs: Infinity })).toEqual({ fromMs: 0, untilMs: 20 })
})

test('a longer one has it when there are 5 ms left, and the look takes one', () => {
  expect(planAhead({ runMs: 100, deviationMs: 10 })).toEqual({ fromMs: 94, untilMs: 120 })
})

test('one of which nobody knows when it ends has none', () => {
  expect(planAhead({ runMs: 100, deviationMs: 26 })).toBe(undefined)
  expect(planAhead({ runMs: 100, deviationMs: Infinity })).toBe(undefined)
})

test('where runs are not much longer than short ones, 5 ms more or less are not much', () => {
  expect(planAhead({ runMs: 21, deviationMs: 5 })).toMatchObject({ fromMs: 15 })
})

test('it is waited for the begin of that time, and no more after its end', () => {
  const ahead = { fromMs: 94, untilMs: 120 }

  expect([0, 90, 94, 120, 121].map((elapsedMs) => msUntilAhead(ahead, elapsedMs))).toEqual([
    94,
    4,
    0,
    0,
    undefined,
  ])
  expect(msUntilAhead(undefined, 0)).toBe(undefined)
})
