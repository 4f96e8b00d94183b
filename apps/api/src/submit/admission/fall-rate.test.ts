import { expect, test } from 'vitest'
import { FallRate } from './fall-rate.ts'

const rateOf = (...readings: [value: number, at: number][]) => {
  const rate = new FallRate()
  for (const [value, at] of readings) rate.read(value, at)
  return rate.perSecond
}

test('one reading says nothing of where it goes', () => {
  expect(rateOf([1000, 0])).toBe(0)
})

test('what falls steadily falls at its rate', () => {
  const steady = Array.from({ length: 40 }, (_, index): [number, number] => [
    10_000 - index * 50,
    index * 500,
  ])

  expect(rateOf(...steady)).toBeCloseTo(100, 1)
})

test('what rises does not fall', () => {
  expect(rateOf([1000, 0], [5000, 500], [9000, 1000])).toBe(0)
})

test('two readings at the same moment are no division by zero', () => {
  expect(rateOf([1000, 0], [500, 0])).toBe(0)
})
