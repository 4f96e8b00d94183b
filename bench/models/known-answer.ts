import { z } from 'zod'

/** An input as a caller sends it, and the output that is the right one. */
export type KnownAnswer = z.infer<typeof knownAnswerSchema>

export const knownAnswerSchema = z.object({ input: z.unknown(), output: z.unknown() })

type Comparison = {
  /** how far a number may be from the expected one */
  toleranceOf?: (expectedNumber: number) => number
  /** whether objects may have more names than the expected ones */
  mayHaveMore?: boolean
}

/** Whether two JSON values are the same but for the last digits of their numbers. */
export const isSameAnswer = (actual: unknown, expected: unknown, comparison: Comparison = {}): boolean => {
  const { toleranceOf = usualTolerance, mayHaveMore = false } = comparison
  const isSame = (one: unknown, other: unknown) => isSameAnswer(one, other, comparison)
  if (typeof actual === 'number' && typeof expected === 'number') {
    return Math.abs(actual - expected) <= toleranceOf(expected)
  }
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.length === expected.length && actual.every((value, index) => isSame(value, expected[index]))
  }
  if (isObject(actual) && isObject(expected)) {
    const names = Object.keys(expected)
    return (
      (mayHaveMore || Object.keys(actual).length === names.length) &&
      names.every((name) => name in actual && isSame(actual[name], expected[name]))
    )
  }
  return actual === expected
}

const usualTolerance = (expectedNumber: number) => 1e-5 * Math.max(1, Math.abs(expectedNumber))

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
