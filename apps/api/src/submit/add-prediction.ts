import { inputOf, rowsOf } from '@onqueue/shared'
import type { AppErrorCode, Logger, PredictionRecord, Priority, RedisStore } from '@onqueue/shared'
import type { ExpectedOutcome, OutcomeWaiters } from '../predictions/wait-for-outcome.ts'
import type { CheckedSubmission } from './check-submission.ts'
import type { EnqueuePrediction } from './enqueue-prediction.ts'

export type Submitted = {
  record: PredictionRecord
  /** the idempotency key was used before: this is its prediction as it is now */
  isReplay: boolean
  /** the caller's to release; null where it wasn't asked for, and for a replay */
  expected: ExpectedOutcome | null
}

/** Told of every submit, for the metrics. */
export type CountSubmits = {
  countSubmitted(model: string, priority: Priority): void
  /** A prediction that was refused before the enqueue. */
  countRefused(model: string, code: AppErrorCode): void
}

/**
 * Enqueues a submission that was checked and admitted. Where it is awaited, `expected` is registered before the
 * prediction can end. Throws what the enqueue throws.
 */
export type AddPrediction = (
  id: string,
  checked: CheckedSubmission,
  options: { isKeyed: boolean; isAwaited: boolean },
) => Promise<Submitted>

export const createAddPrediction =
  ({
    store,
    enqueue,
    waiters,
    count,
    log,
  }: {
    /** where a long input is read again that is part of the answer */
    store: RedisStore
    enqueue: EnqueuePrediction
    waiters: OutcomeWaiters
    count: Pick<CountSubmits, 'countSubmitted'>
    log: Logger
  }): AddPrediction =>
  async (id, { input: value, ...prediction }, { isKeyed, isAwaited }) => {
    const { job, largeInput } = prediction
    const expected = isAwaited ? waiters.expect(id) : null
    try {
      await enqueue({ id, isKeyed, ...prediction })
    } catch (err) {
      expected?.release()
      throw err
    }
    count.countSubmitted(job.model, job.priority)
    log.debug(
      { predictionId: id, requestId: job.requestId, model: job.model, rows: rowsOf(job) },
      'prediction accepted',
    )
    const input =
      largeInput === null
        ? value
        : inputOf(store, { model: job.model, id, bytes: Buffer.byteLength(largeInput) })
    return { record: { id, job, input, takenAt: null, outcome: null }, isReplay: false, expected }
  }
