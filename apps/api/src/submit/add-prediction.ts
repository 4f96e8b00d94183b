import { inputOf, rowsOf } from '@onqueue/shared'
import type {
  AppErrorCode,
  Logger,
  PredictionJobData,
  PredictionRecord,
  Priority,
  RedisStore,
} from '@onqueue/shared'
import type { OutcomeWaiters } from '../predictions/wait-for-outcome.ts'
import type { ExpectedOutcome } from '../predictions/waiter.ts'
import type { CheckedSubmission } from './check-submission.ts'
import type { EnqueuePrediction } from './enqueue-prediction.ts'
import type { EnqueueTogether } from './packs/open-packs.ts'
import type { Joined } from './packs/pack-submits.ts'

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
  /** So many predictions that were put into the queue as one job. */
  countPacked(model: string, predictions: number): void
  /** A prediction that was refused before the enqueue. */
  countRefused(model: string, code: AppErrorCode): void
}

/**
 * Enqueues a submission that was checked and admitted: under the id of its idempotency key, or where it has none (null) under a
 * new one. Where it is awaited, `expected` is registered before the prediction can end. Throws what the enqueue throws.
 */
export type AddPrediction = (
  checked: CheckedSubmission,
  options: { keyedId: string | null; isAwaited: boolean },
) => Promise<Submitted>

export const createAddPrediction =
  ({
    store,
    enqueue,
    enqueueTogether,
    waiters,
    count,
    log,
  }: {
    /** where a long input is read again that is part of the answer */
    store: RedisStore
    enqueue: EnqueuePrediction
    enqueueTogether: EnqueueTogether
    waiters: OutcomeWaiters
    count: Pick<CountSubmits, 'countSubmitted'>
    log: Logger
  }): AddPrediction =>
  async (checked, { keyedId, isAwaited }) => {
    const { largeInput, attempts, input: value } = checked
    const asked = isAwaited ? { ...checked.job, replyTo: waiters.replyTo } : checked.job
    const enqueueKeyed = (id: string): Joined => ({
      id,
      enqueued: enqueue({ id, job: asked, largeInput, attempts, isKeyed: true }).then(() => asked),
    })
    const { id, enqueued } =
      keyedId === null ? enqueueTogether({ ...checked, job: asked }) : enqueueKeyed(keyedId)
    // nothing was sent yet: what is sent in a turn of the event loop leaves at its end
    const expected = isAwaited ? waiters.expectReply(id) : null
    let job: PredictionJobData
    try {
      job = await enqueued
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
