import { AppError, rowsOf } from '@onqueue/shared'
import type { ModelCatalog } from '../models/model-catalog.ts'
import type { PredictionReader } from '../predictions/read-prediction.ts'
import type { AddPrediction, CountSubmits, Submitted } from './add-prediction.ts'
import type { Admission } from './admission/admission.ts'
import { createSubmissionCheck } from './check-submission.ts'
import type { Submission } from './check-submission.ts'
import type { CheckWebhook } from './check-webhook.ts'
import type { Claims } from './claims.ts'
import type { ReadSubmission, UnreadSubmission } from './reading/read-submission.ts'
import { createSubmitKeyed } from './submit-keyed.ts'

/** What is asked for, as it came. */
type AskedSubmission = UnreadSubmission &
  Omit<Submission, 'webhook' | keyof ReadSubmission> & {
    /** the caller will wait: `expected` is registered before the prediction can end */
    isAwaited: boolean
  }

/** The same, read. */
export type AwaitedSubmission = AskedSubmission & ReadSubmission

/**
 * Takes a prediction in: read → check → admit → enqueue, and for an idempotency key a claim between the last two. Throws what
 * each of these throws.
 */
export type SubmitPrediction = (submission: AskedSubmission) => Promise<Submitted>

export const createSubmitPrediction = ({
  models,
  maxRows,
  readSubmission,
  checkWebhook,
  admission,
  claims,
  reader,
  add,
  secrets,
  areTokensBound,
  clock,
  count,
}: {
  models: Pick<ModelCatalog, 'get' | 'resolve' | 'check'>
  /** of one prediction */
  maxRows: number
  readSubmission: (submission: UnreadSubmission) => ReadSubmission | Promise<ReadSubmission>
  checkWebhook: CheckWebhook
  admission: Admission
  claims: Claims
  reader: PredictionReader
  add: AddPrediction
  secrets: () => readonly [string, ...string[]]
  areTokensBound: () => boolean
  /** Redis' */
  clock: () => number
  count: Pick<CountSubmits, 'countRefused'>
}): SubmitPrediction => {
  const check = createSubmissionCheck({ models, maxRows, areTokensBound, clock })

  const prepare = async (submission: AwaitedSubmission) => {
    const webhook = await checkWebhook(submission.request, submission.owner)
    const checked = check({ ...submission, webhook })
    const { job } = checked
    const entry = models.get(job.model)
    if (entry) await admission.admit(entry, { rows: rowsOf(job), inputBytes: job.inputBytes })
    return checked
  }

  const submitKeyed = createSubmitKeyed({ claims, reader, prepare, add, secrets, clock })
  const submitUnkeyed = async (submission: AwaitedSubmission) => {
    const checked = await prepare(submission)
    return add.add(checked, submission)
  }

  return async (asked) => {
    const { model, idempotencyKey } = asked
    try {
      const submission = { ...asked, ...(await readSubmission(asked)) }
      // a key of a model that was never here has no claim to look for
      return idempotencyKey !== undefined && models.get(model)
        ? await submitKeyed(submission, idempotencyKey)
        : await submitUnkeyed(submission)
    } catch (err) {
      if (err instanceof AppError) count.countRefused(model, err.code)
      throw err
    } finally {
      if ('release' in asked.body) asked.body.release()
    }
  }
}
