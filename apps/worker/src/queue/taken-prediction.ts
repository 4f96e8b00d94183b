import type { Job } from 'bullmq'
import type { Logger, Outcome, OutcomeWriter, PredictionJobData, RedisStore } from '@onqueue/shared'
import type { ModelVersion } from '../serving/model-version.ts'

/** A prediction that was taken from the queue. */
export type TakenPrediction = {
  id: string
  job: Job
  prediction: PredictionJobData
  /** holds the job's lock */
  token: string | undefined
}

/** How the predictions of one model are processed. */
export type Processing = RedisStore & {
  model: string
  /** the version that takes predictions made for this digest */
  versionOf: (digest: string) => ModelVersion | undefined
  outcomes: OutcomeWriter
  log: Logger
  /** how long a prediction waits for a worker that has its version */
  versionPatienceMs: number
  onEnded: (prediction: PredictionJobData, outcome: Outcome) => void
  /** aborts when what was taken and has not finished goes back to the queue */
  graceIsOver: AbortSignal
}

export const attemptOf = ({ job }: TakenPrediction) => job.attemptsMade + 1
