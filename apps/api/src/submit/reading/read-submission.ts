import { defaultVersionOf } from '@onqueue/shared'
import type { ModelEntry } from '@onqueue/shared'
import type { JsonBody } from '../../http/bodies/json-body.ts'
import type { ModelCatalog } from '../../models/model-catalog.ts'
import type { SubmitRequest } from '../submit-request.ts'
import type { ReadingThreads } from './reading-threads.ts'
import { readValue } from './read-value.ts'
import type { BodyForm, LongInput } from './read-value.ts'

/** What a caller asks for, as it came. */
export type UnreadSubmission = {
  model: string
  body: JsonBody
  form: BodyForm
  /** asked for beside the body */
  version?: string | undefined
  idempotencyKey?: string | undefined
}

export type ReadSubmission = {
  request: Omit<SubmitRequest, 'input'>
  /** its value, which is still to be checked; or of a long one all that is needed */
  input: { value: unknown } | LongInput
}

/** Reads what was submitted: a short body here and now, a long one in a thread. Throws, or rejects with, what is wrong with its form. */
export const createReadSubmission =
  ({
    models,
    threads,
    maxTextBytes,
  }: {
    models: Pick<ModelCatalog, 'get'>
    threads: Pick<ReadingThreads, 'read'>
    /** of a long input as it is kept */
    maxTextBytes: number
  }) =>
  ({
    model,
    body,
    form,
    version,
    idempotencyKey,
  }: UnreadSubmission): ReadSubmission | Promise<ReadSubmission> => {
    if ('value' in body) {
      const request = readValue(body.value, form)
      return { request: { ...request, version: request.version ?? version }, input: { value: request.input } }
    }
    return threads.read({
      bytes: body.bytes,
      members: body.members,
      form,
      model,
      version,
      ...readingVersionsOf(models.get(model)),
      isKeyed: idempotencyKey !== undefined,
      maxTextBytes,
    })
  }

/** What a thread has to know of a model. */
export const readingVersionsOf = (entry: ModelEntry | undefined) => {
  const versions = entry?.versions ?? []
  return {
    versions: versions.map(({ version, card }) => ({
      version,
      digest: card.digest,
      schema: card.interface?.inputSchema ?? {},
    })),
    defaultVersion: defaultVersionOf(versions)?.version,
  }
}
