import type { Outcome, PredictionRecord } from '@onqueue/shared'

/** A prediction of alice as tests see it: one that waits, changed as given. */
export const predictionRecord = ({
  job,
  ...changes
}: Partial<Omit<PredictionRecord, 'job'>> & {
  job?: Partial<PredictionRecord['job']>
} = {}): PredictionRecord => ({
  id: 'iris-01J00000000000000000000000',
  job: {
    model: 'iris',
    version: '1',
    digest: 'd1',
    owner: 'alice',
    requestId: 'req-1',
    inputBytes: 2,
    arrayLength: null,
    priority: 'normal',
    metadata: {},
    deadline: null,
    createdAt: 1000,
    ...job,
  },
  input: {},
  takenAt: null,
  outcome: null,
  ...changes,
})

export const succeeded: Outcome = {
  status: 'succeeded',
  output: { prediction: 'setosa' },
  error: null,
  startedAt: 2000,
  completedAt: 3000,
  predictMs: 5,
  batchSize: 1,
  attempts: 1,
}
