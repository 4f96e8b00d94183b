import type { PredictionRecord } from '@onqueue/shared'

/** What is long of a prediction, and wanted. */
export type Included = ReadonlySet<'input' | 'output'>

export const nothingLong: Included = new Set()

/** A prediction without what is not wanted of it, so that this is not held in memory. */
export const keepIncluded = (record: PredictionRecord, include: Included): PredictionRecord => {
  const { input, outcome, job } = record
  const { input: _short, ...jobWithoutInput } = job
  const isInputKept = include.has('input')
  return {
    ...record,
    job: isInputKept ? job : jobWithoutInput,
    input: isInputKept ? input : null,
    outcome: outcome && { ...outcome, output: include.has('output') ? outcome.output : null },
  }
}
