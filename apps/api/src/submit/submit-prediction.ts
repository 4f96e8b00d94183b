import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, keyedPredictionId, newPredictionId } from '@onqueue/shared'
import type { AppErrorCode, Logger, PredictionRecord, Priority } from '@onqueue/shared'
import type { Admission } from './admission.ts'
import { createSubmissionCheck } from './check-submission.ts'
import type { CheckedSubmission, Submission } from './check-submission.ts'
import type { CheckWebhook } from './check-webhook.ts'
import { fingerprintOf } from './claims.ts'
import type { Claims } from './claims.ts'
import { outcomeUnknown } from './enqueue-prediction.ts'
import type { EnqueuePrediction } from './enqueue-prediction.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
import type { PredictionReader } from '../predictions/read-prediction.ts'
import type { ExpectedOutcome, OutcomeWaiters } from '../predictions/wait-for-outcome.ts'

type Submitted = {
  record: PredictionRecord
  /** the idempotency key was used before: this is its prediction as it is now */
  isReplay: boolean
  /** the caller's to release; null where it wasn't asked for, and for a replay */
  expected: ExpectedOutcome | null
}

/**
 * Takes a prediction in: check → admit → enqueue. Throws what each of these throws, and for an idempotency key
 * `idempotency_key_reused` (another body), `result_expired` (its prediction is gone) and `outcome_unknown`.
 */
export type SubmitPrediction = (
  submission: Omit<Submission, 'webhook'> & {
    idempotencyKey?: string | undefined
    /** the caller will wait: `expected` is registered before the prediction can end */
    isAwaited: boolean
  },
) => Promise<Submitted>

/** Told of every submit, for the metrics. */
export type CountSubmits = {
  countSubmitted(model: string, priority: Priority): void
  /** A prediction that was refused before the enqueue. */
  countRefused(model: string, code: AppErrorCode): void
}

type AwaitedSubmission = Parameters<SubmitPrediction>[0]

type Options = {
  catalog: ModelCatalog
  admission: Admission
  enqueue: EnqueuePrediction
  claims: Claims
  reader: PredictionReader
  waiters: OutcomeWaiters
  checkWebhook: CheckWebhook
  secret: string
  log: Logger
  count: CountSubmits
}

/** A claim without a job that is older than this was left behind by a process that died. */
const claimPatienceMs = 5000
/** How long a second submit with the same key waits for the first one to add the job. */
const longestClaimWaitMs = 2000
const claimPollMs = 50

export const createSubmitPrediction = (options: Options): SubmitPrediction => {
  const { catalog, admission, enqueue, claims, reader, waiters, checkWebhook, secret, log, count } = options

  const checkInput = createSubmissionCheck({ models: catalog })
  const check = async (submission: AwaitedSubmission) =>
    checkInput({ ...submission, webhook: await checkWebhook(submission.request, submission.owner) })

  const admit = async ({ job }: CheckedSubmission) => {
    const entry = catalog.get(job.model)
    if (entry) await admission.admit(entry, { rows: job.arrayLength ?? 1, inputBytes: job.inputBytes })
  }

  const add = async (
    id: string,
    checked: CheckedSubmission,
    { isKeyed, isAwaited }: { isKeyed: boolean; isAwaited: boolean },
  ) => {
    const { input, ...prediction } = checked
    const { job } = prediction
    const expected = isAwaited ? waiters.expect(id) : null
    try {
      await enqueue({ id, isKeyed, ...prediction })
    } catch (err) {
      expected?.release()
      throw err
    }
    count.countSubmitted(job.model, job.priority)
    log.debug(
      { predictionId: id, requestId: job.requestId, model: job.model, rows: job.arrayLength ?? 1 },
      'prediction accepted',
    )
    return { record: { id, job, input, takenAt: null, outcome: null }, isReplay: false, expected }
  }

  const addClaimed = async (
    id: string,
    checked: CheckedSubmission,
    fingerprint: string,
    isAwaited: boolean,
  ) => {
    const { model } = checked.job
    try {
      const submitted = await add(id, checked, { isKeyed: true, isAwaited })
      // losing this costs no more than a 410 later on, so nobody waits for it
      void claims.markAdded(model, id, fingerprint).catch(() => undefined)
      return submitted
    } catch (err) {
      // refusals are not remembered; and what can't be released now is taken over in 5 s
      const isUnknown = err instanceof AppError && err.code === 'outcome_unknown'
      if (!isUnknown) await claims.release(model, id).catch(() => undefined)
      throw err
    }
  }

  const submitKeyed = async (submission: AwaitedSubmission, idempotencyKey: string): Promise<Submitted> => {
    const { model, owner, request, isAwaited } = submission
    const id = keyedPredictionId({ model, owner, idempotencyKey, secret })
    const fingerprint = fingerprintOf(model, request)
    const endsAt = performance.now() + longestClaimWaitMs
    for (;;) {
      let claim = await claims.read(model, id)
      if (!claim) {
        const checked = await check(submission)
        await admit(checked)
        claim = await claims.take(model, id, fingerprint)
        if (!claim) return addClaimed(id, checked, fingerprint, isAwaited)
      }
      if (claim.fingerprint !== fingerprint) throw keyReused()
      const record = await reader.find(id, owner)
      if (record) return { record, isReplay: true, expected: null }
      if (claim.isAdded) throw resultExpired()
      if (Date.now() - claim.at > claimPatienceMs) {
        const checked = await check(submission)
        await admit(checked)
        await claims.takeOver(model, id, fingerprint)
        return addClaimed(id, checked, fingerprint, isAwaited)
      }
      if (performance.now() > endsAt) throw outcomeUnknown(id, { isKeyed: true })
      await sleep(claimPollMs)
    }
  }

  const submitUnkeyed = async (submission: AwaitedSubmission): Promise<Submitted> => {
    const checked = await check(submission)
    await admit(checked)
    const { model, createdAt } = checked.job
    return add(newPredictionId(model, createdAt), checked, {
      isKeyed: false,
      isAwaited: submission.isAwaited,
    })
  }

  return async (submission) => {
    const { model, idempotencyKey } = submission
    try {
      // a key of a model that was never here has no claim to look for
      return idempotencyKey !== undefined && catalog.get(model)
        ? await submitKeyed(submission, idempotencyKey)
        : await submitUnkeyed(submission)
    } catch (err) {
      if (err instanceof AppError) count.countRefused(model, err.code)
      throw err
    }
  }
}

const keyReused = () =>
  new AppError('idempotency_key_reused', 'this Idempotency-Key was used for another request; use a new one')

const resultExpired = () =>
  new AppError(
    'result_expired',
    'the prediction of this Idempotency-Key is gone; use a new key to run it again',
  )
