import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shortestFloat32 } from './shortest-float.ts'

test('a float32 becomes the decimal that a person would write', () => {
  expect(shortestFloat32(Math.fround(0.9))).toBe(0.9)
  expect(shortestFloat32(Math.fround(0.1))).toBe(0.1)
  expect(shortestFloat32(Math.fround(-123456.7))).toBe(-123456.7)
  expect(shortestFloat32(Math.fround(1e-30))).toBe(1e-30)
  expect(shortestFloat32(16777216)).toBe(16777216)
})

test('every float32 rounds back to itself, with no more than nine digits', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const shortened = shortestFloat32(value)

      expect(Math.fround(shortened)).toBe(value)
      expect(String(shortened).length).toBeLessThanOrEqual(String(Number(value.toPrecision(9))).length)
    }),
    { numRuns: 10_000 },
  )
})
