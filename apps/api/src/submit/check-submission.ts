import { AppError, rowsOf } from '@onqueue/shared'
import type { ErrorPlace, PredictionJobData, ServedVersion, WebhookRequest } from '@onqueue/shared'
import { deadlineFrom } from './cancel-after.ts'
import { maxInlineCharacters } from './enqueue-prediction.ts'
import { inputHint } from './input-hint.ts'
import { decodeUtf8 } from '../http/bodies/decode-utf8.ts'
import { describePlace } from '../http/bodies/json-pointer.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
import type { ReadSubmission } from './reading/read-submission.ts'
import { inputPointerOf } from './reading/read-value.ts'
import type { BodyForm } from './reading/read-value.ts'

export type Submission = ReadSubmission & {
  model: string
  form: BodyForm
  owner: string
  requestId: string
  /** the caller's key, as auth.ts found it */
  keyId?: string | null | undefined
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
  /** undefined where it is long */
  input: unknown
  /** the input as JSON, where it is short enough to be part of the job; otherwise null */
  shortInput: string | null
  /** the input as JSON, where it is not; otherwise null */
  largeInput: string | Uint8Array | null
  attempts: number
}

/**
 * Throws what `resolve` of the catalog throws, and `invalid_input` with the places where the input does not fit, or where
 * it has more rows than may ever wait.
 */
export const createSubmissionCheck =
  ({
    models,
    maxRows,
    areTokensBound = () => true,
    clock,
  }: {
    models: Pick<ModelCatalog, 'resolve' | 'check'>
    /** rows of a model that may wait or run: more in one prediction could never be let in */
    maxRows: number
    /** every live process reads events tokens that are bound to a key */
    areTokensBound?: () => boolean
    /** Redis' */
    clock: () => number
  }) =>
  (submission: Submission): CheckedSubmission => {
    const placesOf = ({ input, form }: Submission, served: ServedVersion): ErrorPlace[] => {
      if ('value' in input) return models.check(served, input.value, inputPointerOf(form))
      // of a version that came meanwhile its workers check the input
      return input.checked?.digest === served.card.digest ? input.checked.places : []
    }

    const {
      model,
      form,
      request,
      input,
      owner,
      requestId,
      keyId,
      cancelAfter,
      webhook,
      needsWorker = false,
    } = submission
    const { priority, metadata } = request
    const served = models.resolve(model, { version: request.version, needsWorker })
    const places = placesOf(submission, served)
    const [first] = places
    if (first) {
      const example = served.card.interface?.example ?? null
      const hint = 'value' in input ? inputHint({ form, input: input.value, example, first }) : undefined
      const detail = [`the input does not fit ${model}: ${describePlace(first)}`, hint]
        .filter((part) => part !== undefined)
        .join('; ')
      throw new AppError('invalid_input', detail, { places })
    }
    const createdAt = clock()
    const { value, text, arrayLength } = kept(input)
    if (rowsOf({ arrayLength }) > maxRows) throw tooManyRows(maxRows, inputPointerOf(form))
    const isLarge = typeof text !== 'string' || text.length > maxInlineCharacters
    const job: PredictionJobData = {
      model,
      version: served.version,
      digest: served.card.digest,
      owner,
      requestId,
      ...(isLarge ? {} : { input: value }),
      inputBytes: Buffer.byteLength(text),
      arrayLength,
      priority,
      metadata,
      deadline: deadlineFrom(cancelAfter, createdAt),
      createdAt,
      ...(webhook ? { webhook } : {}),
      ...(keyId !== undefined && areTokensBound() ? { keyId } : {}),
    }
    return {
      job,
      input: isLarge ? undefined : value,
      shortInput: isLarge ? null : text,
      largeInput: isLarge ? text : null,
      attempts: served.card.attempts,
    }
  }

const tooManyRows = (maxRows: number, pointer: string) => {
  const detail = `an array of inputs has at most ${maxRows} rows here (ONQUEUE_BACKLOG_LIMIT); send fewer at once`
  return new AppError('invalid_input', describePlace({ pointer, detail }), { places: [{ pointer, detail }] })
}

/** The input as it is kept. One that was long as it came may be short, since it had blanks in it. */
const kept = (input: Submission['input']) => {
  if ('value' in input) {
    const { value } = input
    return { value, text: JSON.stringify(value), arrayLength: Array.isArray(value) ? value.length : null }
  }
  const { text, arrayLength } = input
  if (text.length > maxInlineCharacters) return { value: undefined, text, arrayLength }
  const short = decodeUtf8(text)
  const value: unknown = JSON.parse(short)
  return { value, text: short, arrayLength }
}
