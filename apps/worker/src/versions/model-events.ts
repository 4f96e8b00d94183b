import type { Outcome, PredictionJobData } from '@onqueue/shared'
import type { ExecutorDied } from '../serving/executor-died.ts'

/** What models tell of themselves while they work. */
export type ModelEvents = {
  predictionEnded(model: string, outcome: Outcome, job: PredictionJobData): void
  microBatchRan(model: string, rows: number, runMs: number): void
  /** `load_failed`: it never came to load the model */
  executorDied(model: string, cause: ExecutorDied['how'] | 'load_failed'): void
  /** Redis had lost something of this kind, which was put right */
  lossFound(kind: string): void
}
