import { AppError } from '@onqueue/shared'
import type { PredictionJobData, WebhookRequest } from '@onqueue/shared'
import { deadlineFrom } from './cancel-after.ts'
import { maxInlineCharacters } from './enqueue-prediction.ts'
import { describePlace } from '../http/bodies/json-pointer.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
import type { SubmitRequest } from './submit-request.ts'

export type Submission = {
  model: string
  request: SubmitRequest
  /** where the input is in the caller's body: `/input`, or `''` when the body is the input */
  inputPointer: string
  owner: string
  requestId: string
  /** the `Cancel-After` header */
  cancelAfter?: string | undefined
  /** what its owner wants to be told, checked */
  webhook?: WebhookRequest | undefined
  /** the caller wants the answer now, so a model without a worker is refused */
  needsWorker?: boolean
}

/** What a good submission becomes; still without an id. `job` lacks the input where that is large. */
export type CheckedSubmission = {
  job: PredictionJobData
  input: unknown
  /** the input as JSON, where it is too long to be part of the job; otherwise null */
  largeInput: string | null
  attempts: number
}

/** Throws what `resolve` of the catalog throws, and `invalid_input` with the places where the input does not fit. */
export const createSubmissionCheck =
  ({ models, clock = Date.now }: { models: Pick<ModelCatalog, 'resolve' | 'check'>; clock?: () => number }) =>
  (submission: Submission): CheckedSubmission => {
    const {
      model,
      request,
      inputPointer,
      owner,
      requestId,
      cancelAfter,
      webhook,
      needsWorker = false,
    } = submission
    const { input, priority, metadata } = request
    const served = models.resolve(model, { version: request.version, needsWorker })
    const places = models.check(served, input, inputPointer)
    const [first] = places
    if (first) {
      const detail = `the input does not fit ${model}: ${describePlace(first)}`
      throw new AppError('invalid_input', detail, { places })
    }
    const createdAt = clock()
    const text = JSON.stringify(input)
    const isLarge = text.length > maxInlineCharacters
    const job: PredictionJobData = {
      model,
      version: served.version,
      digest: served.card.digest,
      owner,
      requestId,
      ...(isLarge ? {} : { input }),
      inputBytes: text.length,
      arrayLength: Array.isArray(input) ? input.length : null,
      priority,
      metadata,
      deadline: deadlineFrom(cancelAfter, createdAt),
      createdAt,
      ...(webhook ? { webhook } : {}),
    }
    return { job, input, largeInput: isLarge ? text : null, attempts: served.card.attempts }
  }
