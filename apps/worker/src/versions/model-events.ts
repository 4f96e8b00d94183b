import type { Outcome, PredictionJobData } from '@onqueue/shared'
import type { ExecutorEnd } from '../supervision/executor-slot.ts'

/** What models tell of themselves while they work. */
export type ModelEvents = {
  predictionEnded(model: string, outcome: Outcome, job: PredictionJobData): void
  microBatchRan(model: string, rows: number, runMs: number): void
  executorDied(model: string, how: ExecutorEnd): void
  /** Redis had lost something of this kind, which was put right */
  lossFound(kind: string): void
}
