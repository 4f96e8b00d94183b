/** One plain line out of vitest's JSON report, which CI systems read: `12 passed, 0 failed, 1 skipped`. */
export const summarizeTests = (report: {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
}) => {
  const skipped = report.numPendingTests > 0 ? `, ${report.numPendingTests} skipped` : ''
  return `${report.numPassedTests} passed, ${report.numFailedTests} failed${skipped}`
}
