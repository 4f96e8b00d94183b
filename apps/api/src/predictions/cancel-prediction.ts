import { areFinal, endedOutcome } from '@onqueue/shared'
import type { DatedStore, OutcomeWriter, PredictionQueues, PredictionRecord } from '@onqueue/shared'

/**
 * Cancels a prediction; one that is final stays as it is. The outcome is what cancels: workers look it up before they run
 * anything. The job is then only in the way, so it is moved to the front, where the next worker clears it away; that of a pack
 * when all of it has ended.
 */
export type CancelPrediction = (record: PredictionRecord, detail?: string) => Promise<PredictionRecord>

type Options = DatedStore & { queues: PredictionQueues; outcomes: OutcomeWriter }

export const createCancelPrediction =
  (options: Options): CancelPrediction =>
  async (record, detail = 'canceled by its owner') => {
    if (record.outcome) return record
    const { outcomes, clock } = options
    const { id, job, takenAt } = record
    const ended = endedOutcome('canceled', {
      code: 'canceled',
      detail,
      now: clock(),
      startedAt: takenAt,
      attempts: takenAt === null ? 0 : 1,
    })
    const { outcome } = await outcomes.write(id, ended, job)
    await clearAway(options, job.model, { id, packId: job.packId })
    return { ...record, outcome }
  }

/** A job that is running, finished or gone is not touched by this, and needs no clearing away. */
const clearAway = async (
  { queues, redis, namespace }: Options,
  model: string,
  { id, packId }: { id: string; packId: string | undefined },
) => {
  try {
    if (packId !== undefined && !(await areFinal({ redis, namespace }, model, [packId]))[0]) return
    const job = await queues.open(model).getJob(packId ?? id)
    if (!job) return
    if (job.delay > 0) await job.promote()
    await job.changePriority({ priority: 0, lifo: true })
  } catch {
    // then it is cleared away when its turn comes
  }
}
