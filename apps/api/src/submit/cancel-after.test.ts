import { expect, test } from 'vitest'
import { deadlineFrom } from './cancel-after.ts'

test.each([
  ['30', 30_000],
  ['30s', 30_000],
  ['1h30m', 5_400_000],
  ['0.5', 500],
  ['720h', 2_592_000_000],
])('Cancel-After: %s', (header, ms) => {
  expect(deadlineFrom(header, 1_000_000)).toBe(1_000_000 + ms)
})

test('without the header there is no deadline', () => {
  expect(deadlineFrom(undefined, 0)).toBeNull()
})

test.each(['', '0', '-1', 'soon', '721h', '99999999999999'])('%j is refused', (header) => {
  expect(() => deadlineFrom(header, 0)).toThrow('Cancel-After takes a duration')
})
