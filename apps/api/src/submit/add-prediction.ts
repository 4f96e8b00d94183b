import { inputOf, rowsOf } from '@onqueue/shared'
import type {
  AppErrorCode,
  Logger,
  PredictionJobData,
  PredictionRecord,
  Priority,
  RedisStore,
} from '@onqueue/shared'
import { CameLate } from '../redis/prediction-queues.ts'
import type { OutcomeWaiters } from '../predictions/wait-for-outcome.ts'
import type { ExpectedOutcome } from '../predictions/waiter.ts'
import type { CheckedSubmission } from './check-submission.ts'
import type { EnqueuePrediction } from './enqueue-prediction.ts'
import type { EnqueueTogether } from './packs/open-packs.ts'
import type { ClaimOf, Joined } from './packs/pack-submits.ts'

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
 * Enqueues a submission that was checked and admitted. Where it is awaited, `expected` is registered before the prediction can end.
 * Throws what the enqueue throws.
 */
export type AddPrediction = {
  /** Under a new id. */
  add(checked: CheckedSubmission, awaited: Awaited): Promise<Submitted>
  /** Under the id of its idempotency key, whose claim was taken. */
  addUnder(id: string, checked: CheckedSubmission, awaited: Awaited): Promise<Submitted>
  /** Whether `addClaiming` takes it. */
  takesClaims(checked: CheckedSubmission): boolean
  /** Under a new id, taking the claim of its idempotency key in the same step; null where another prediction has that. */
  addClaiming(checked: CheckedSubmission, awaited: Awaited, claimOf: ClaimOf): Promise<Submitted | null>
}

type Awaited = { isAwaited: boolean }

export const createAddPrediction = ({
  store,
  enqueue,
  together,
  waiters,
  count,
  log,
}: {
  /** where a long input is read again that is part of the answer */
  store: RedisStore
  enqueue: EnqueuePrediction
  together: EnqueueTogether
  waiters: Pick<OutcomeWaiters, 'replyTo' | 'expectReply'>
  count: Pick<CountSubmits, 'countSubmitted'>
  log: Logger
}): AddPrediction => {
  const addBy = async (
    enqueueIt: (checked: CheckedSubmission) => Joined,
    checked: CheckedSubmission,
    { isAwaited }: Awaited,
  ): Promise<Submitted | null> => {
    const { largeInput, input: value, job: asked } = checked
    const { id, enqueued } = enqueueIt(
      isAwaited ? { ...checked, job: { ...asked, replyTo: waiters.replyTo } } : checked,
    )
    // nothing was sent yet: what is sent in a turn of the event loop leaves at its end
    const expected = isAwaited ? waiters.expectReply(id) : null
    let job: PredictionJobData | null = null
    try {
      job = await enqueued
    } finally {
      if (job === null) expected?.release()
    }
    if (job === null) return null
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

  return {
    add: async (checked, awaited) =>
      surely(await orOnceMore(() => addBy(together.enqueue, checked, awaited))),
    addUnder: async (id, checked, awaited) => {
      const enqueueIt = ({ job, largeInput, attempts }: CheckedSubmission) => ({
        id,
        enqueued: enqueue({ id, job, largeInput, attempts, isKeyed: true }).then(() => job),
      })
      return surely(await addBy(enqueueIt, checked, awaited))
    },
    takesClaims: together.takesClaims,
    addClaiming: (checked, awaited, claimOf) =>
      orOnceMore(() => addBy((asked) => together.enqueueClaiming(asked, claimOf), checked, awaited)),
  }
}

/** On a machine that is busy all of a turn of the event loop may come late though Redis answers. */
const orOnceMore = async <Added>(add: () => Promise<Added>): Promise<Added> => {
  try {
    return await add()
  } catch (err) {
    if (!(err instanceof CameLate)) throw err
    return add()
  }
}

const surely = (submitted: Submitted | null) => {
  if (!submitted) throw new Error('unreachable: no other prediction has a key that it has not')
  return submitted
}
