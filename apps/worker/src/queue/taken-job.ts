import type { Job } from 'bullmq'
import type { DatedStore, Logger, Outcome, OutcomeWriter, PredictionJobData } from '@onqueue/shared'
import type { ModelVersion } from '../serving/model-version.ts'

/** A job that was taken from the queue: that of one prediction, or of a pack. */
export type TakenJob = {
  id: string
  job: Job
  /** holds the job's lock */
  token: string | undefined
  /** what the job is for; of a pack those that have no outcome yet */
  predictions: TakenPrediction[]
}

/** A prediction whose job was taken from the queue. */
export type TakenPrediction = {
  id: string
  job: Job
  prediction: PredictionJobData
  /** when its pack was seen to have no outcome of it, in ms of `performance.now()` */
  seenOpenAt?: number
}

/** How the predictions of one model are processed. */
export type Processing = DatedStore & {
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

export const attemptOf = ({ job }: Pick<TakenPrediction, 'job'>) => job.attemptsMade + 1
