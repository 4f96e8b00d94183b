import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { AppError } from '@onqueue/shared'
import type { Logger, PredictionRecord } from '@onqueue/shared'
import { toAppError } from '../../http/errors/to-app-error.ts'
import type { CountSubmits } from '../add-prediction.ts'
import type { Admission } from '../admission/admission.ts'
import { admitTogether } from '../admission/admit-together.ts'
import type { ReadSubmission } from '../reading/read-submission.ts'
import type { AskedBeside, SubmitRead } from '../submit-prediction.ts'
import type { ReadBulk, UnreadBulk } from './read-bulk.ts'

/** In one turn of the event loop, so that others are answered in between: a thousand take 30 ms and more. */
const maxCheckedAtOnce = 128

/** What became of one prediction of a bulk. */
export type BulkResult = { record: PredictionRecord; isReplay: boolean } | AppError

/**
 * Takes in many predictions of a model with one request, each as if it had come by itself: what is wrong with one is no matter of the
 * others. But they are admitted together, all or none. Resolves to what became of each, in order; throws where the body can't be read.
 *
 * An idempotency key stands for the request as a whole, and its first prediction has the first of as many keys made of it: so a request
 * that is repeated finds those that were accepted, and adds the others.
 */
export type SubmitBulk = (bulk: AskedBulk) => Promise<BulkResult[]>

type AskedBulk = UnreadBulk & Omit<AskedBeside, 'isAwaited' | 'form'> & { idempotencyKey: string | undefined }

export const createSubmitBulk = ({
  readBulk,
  submitRead,
  admission,
  maxRows,
  count,
  log,
}: {
  readBulk: ReadBulk
  submitRead: SubmitRead
  admission: Admission
  /** that may wait or run */
  maxRows: number
  count: Pick<CountSubmits, 'countRefused'>
  log: Pick<Logger, 'error'>
}): SubmitBulk => {
  const toRefusal = (err: unknown, { model, requestId }: AskedBulk) => {
    const refusal = toAppError(err instanceof Error ? err : new Error('not an error', { cause: err }))
    if (refusal.code === 'internal_error')
      log.error({ err, requestId, model }, 'a prediction of a bulk failed')
    count.countRefused(model, refusal.code)
    return refusal
  }

  return async ({ body, layout, ...asked }) => {
    const { model, idempotencyKey } = asked
    try {
      const idempotencyOf = keysOf(idempotencyKey, model, body.bytes)
      const items = await readBulk({ model, body, layout })
      const oneOfMany = admitTogether(admission, {
        count: items.length,
        refuse: (rows) => (rows > maxRows ? tooManyRows(rows, maxRows) : undefined),
      })
      const submitOne = async (item: ReadSubmission | AppError, index: number): Promise<BulkResult> => {
        const { admit, settle } = oneOfMany()
        try {
          if (item instanceof AppError) throw item
          const submission = { ...asked, ...item, form: 'request', isAwaited: false } as const
          const { record, isReplay } = await submitRead(submission, {
            idempotency: idempotencyOf(index),
            admit,
          })
          return { record, isReplay }
        } catch (err) {
          return toRefusal(err, { body, layout, ...asked })
        } finally {
          settle()
        }
      }
      const results: Promise<BulkResult>[] = []
      for (const [index, item] of items.entries()) {
        if (index > 0 && index % maxCheckedAtOnce === 0) await setImmediate()
        results.push(submitOne(item, index))
      }
      return await Promise.all(results)
    } catch (err) {
      if (err instanceof AppError) count.countRefused(model, err.code)
      throw err
    } finally {
      body.release()
    }
  }
}

/**
 * Of a request as it was sent, byte by byte: what is made of it may be another thing tomorrow. No key of a caller has a line break in it.
 */
const keysOf = (key: string | undefined, model: string, bytes: Uint8Array) => {
  if (key === undefined) return () => null
  const fingerprint = createHash('sha256').update(`${model}\n`).update(bytes).digest('base64url')
  return (index: number) => ({ key: `${key}\n${index}`, fingerprint })
}

const tooManyRows = (rows: number, maxRows: number) => {
  const detail = `the predictions have ${rows} rows together, and at most ${maxRows} may wait here (ONQUEUE_BACKLOG_LIMIT); send fewer at once`
  return new AppError('invalid_input', detail, { places: [{ pointer: '', detail }] })
}
