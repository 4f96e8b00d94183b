import { expect, test } from 'vitest'
import { summarizeTests } from './summarize-tests.ts'

test('the summary is one plain line', () => {
  expect(summarizeTests({ numPassedTests: 12, numFailedTests: 1, numPendingTests: 0 })).toBe(
    '12 passed, 1 failed',
  )
  expect(summarizeTests({ numPassedTests: 12, numFailedTests: 0, numPendingTests: 2 })).toBe(
    '12 passed, 0 failed, 2 skipped',
  )
})
