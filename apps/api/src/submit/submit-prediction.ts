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
import { createSubmitKeyed, fingerprintOfRead } from './submit-keyed.ts'
import type { Idempotency } from './submit-keyed.ts'

/** What is asked for, as it came. */
type AskedSubmission = UnreadSubmission & AskedBeside

/** What is asked for beside the body. */
export type AskedBeside = Omit<Submission, 'webhook' | keyof ReadSubmission> & {
  /** the caller will wait: `expected` is registered before the prediction can end */
  isAwaited: boolean
}

/** The same, read. */
export type AwaitedSubmission = AskedBeside & ReadSubmission

/**
 * Takes a prediction in: read → check → admit → enqueue, and for an idempotency key a claim between the last two. Throws what
 * each of these throws.
 */
export type SubmitPrediction = (submission: AskedSubmission) => Promise<Submitted>

export const createSubmitPrediction = ({
  readSubmission,
  submitRead,
  admission,
  count,
}: {
  readSubmission: (submission: UnreadSubmission) => ReadSubmission | Promise<ReadSubmission>
  submitRead: SubmitRead
  admission: Admission
  count: Pick<CountSubmits, 'countRefused'>
}): SubmitPrediction => {
  return async (asked) => {
    const { model, idempotencyKey: key } = asked
    try {
      const submission = { ...asked, ...(await readSubmission(asked)) }
      const idempotency = key === undefined ? null : { key, fingerprint: fingerprintOfRead(submission) }
      return await submitRead(submission, { idempotency, admit: admission.admit })
    } catch (err) {
      if (err instanceof AppError) count.countRefused(model, err.code)
      throw err
    } finally {
      if ('release' in asked.body) asked.body.release()
    }
  }
}

/** The same for a prediction that was read, and is let in alone or with others. */
export type SubmitRead = (
  submission: AwaitedSubmission,
  options: { idempotency: Idempotency | null; admit: Admission['admit'] },
) => Promise<Submitted>

export const createSubmitRead = ({
  models,
  maxRows,
  checkWebhook,
  claims,
  reader,
  add,
  secrets,
  areTokensBound,
  clock,
}: {
  models: Pick<ModelCatalog, 'get' | 'resolve' | 'check'>
  /** of one prediction */
  maxRows: number
  checkWebhook: CheckWebhook
  claims: Claims
  reader: PredictionReader
  add: AddPrediction
  secrets: () => readonly [string, ...string[]]
  areTokensBound: () => boolean
  /** Redis' */
  clock: () => number
}): SubmitRead => {
  const check = createSubmissionCheck({ models, maxRows, areTokensBound, clock })

  const prepare = async (submission: AwaitedSubmission, admit: Admission['admit']) => {
    const webhook = await checkWebhook(submission.request, submission.owner)
    const checked = check({ ...submission, webhook })
    const { job } = checked
    const entry = models.get(job.model)
    if (entry) await admit(entry, { rows: rowsOf(job), inputBytes: job.inputBytes })
    return checked
  }

  const submitKeyed = createSubmitKeyed({ claims, reader, add, secrets, clock })

  return async (submission, { idempotency, admit }) => {
    // a key of a model that was never here has no claim to look for
    if (idempotency !== null && models.get(submission.model))
      return submitKeyed(submission, idempotency, () => prepare(submission, admit))
    return add.add(await prepare(submission, admit), submission)
  }
}
