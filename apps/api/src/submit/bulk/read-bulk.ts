import { AppError } from '@onqueue/shared'
import { decodeUtf8 } from '../../http/bodies/decode-utf8.ts'
import { isLong } from '../../http/bodies/json-body.ts'
import type { LongBody } from '../../http/bodies/json-body.ts'
import { parseJson } from '../../http/bodies/parse-json.ts'
import type { ModelCatalog } from '../../models/model-catalog.ts'
import { membersOf } from '../reading/read-long-bulk.ts'
import { readingVersionsOf } from '../reading/read-submission.ts'
import type { ReadSubmission } from '../reading/read-submission.ts'
import type { ReadingThreads } from '../reading/reading-threads.ts'
import { readItems } from '../reading/split-items.ts'
import type { BulkItem, BulkLayout } from '../reading/split-items.ts'
import { readValue } from '../reading/read-value.ts'

/** A body with many predictions in it. */
export type UnreadBulk = { model: string; body: LongBody; layout: BulkLayout }

/**
 * Reads the predictions of a bulk, each by itself: a short body here and now, a long one in a thread. What is wrong with one stands in its
 * place; throws, or rejects with, what is wrong with the body as a whole.
 */
export type ReadBulk = (bulk: UnreadBulk) => Promise<(ReadSubmission | AppError)[]>

export const createReadBulk =
  ({
    models,
    threads,
    maxTextBytes,
  }: {
    models: Pick<ModelCatalog, 'get'>
    threads: Pick<ReadingThreads, 'readBulk'>
    /** of all inputs of a long body as they are kept */
    maxTextBytes: number
  }): ReadBulk =>
  async ({ model, body, layout }) => {
    const { bytes, members } = body
    if (!isLong(body)) return readItems({ bytes, members, layout }, readItem, isMalformed)
    return threads.readBulk({
      bytes,
      members,
      layout,
      model,
      ...readingVersionsOf(models.get(model)),
      // a key is for the request as a whole
      isKeyed: false,
      maxTextBytes,
    })
  }

const isMalformed = (item: ReadSubmission | AppError) =>
  item instanceof AppError && item.code === 'malformed_json'

const readItem = ({ bytes, firstLine }: BulkItem): ReadSubmission | AppError => {
  try {
    const value = parseJson(decodeUtf8(bytes), { members: membersOf(bytes), firstLine })
    const { input, ...request } = readValue(value, 'request')
    return { request, input: { value: input } }
  } catch (err) {
    if (err instanceof AppError) return err
    throw err
  }
}
