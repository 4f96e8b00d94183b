import { endedOutcome } from '@onqueue/shared'
import type { OutcomeWriter, PredictionQueues, PredictionRecord } from '@onqueue/shared'

/**
 * Cancels a prediction; one that is final stays as it is. The outcome is what cancels: workers look it up before they run
 * anything. The job is then only in the way, so it is moved to the front, where the next worker clears it away.
 */
export type CancelPrediction = (record: PredictionRecord, detail?: string) => Promise<PredictionRecord>

export const createCancelPrediction =
  ({ queues, outcomes }: { queues: PredictionQueues; outcomes: OutcomeWriter }): CancelPrediction =>
  async (record, detail = 'canceled by its owner') => {
    if (record.outcome) return record
    const { id, job, takenAt } = record
    const ended = endedOutcome('canceled', {
      code: 'canceled',
      detail,
      now: Date.now(),
      startedAt: takenAt,
      attempts: takenAt === null ? 0 : 1,
    })
    const { outcome } = await outcomes.write(id, ended, job)
    await clearAway(queues, job.model, id)
    return { ...record, outcome }
  }

/** A job that is running, finished or gone is not touched by this, and needs no clearing away. */
const clearAway = async (queues: PredictionQueues, model: string, id: string) => {
  try {
    const job = await queues.open(model).getJob(id)
    if (!job) return
    if (job.delay > 0) await job.promote()
    await job.changePriority({ priority: 0, lifo: true })
  } catch {
    // then it is cleared away when its turn comes
  }
}
