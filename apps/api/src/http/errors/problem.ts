import { httpStatusOf, toJsonParts } from '@onqueue/shared'
import type { AppError } from '@onqueue/shared'
import { partsAnswer } from '../answers/answer-json.ts'
import { sendAnswer } from '../answers/answer.ts'
import type { ApiContext } from '../api-environment.ts'

/** An error as `application/problem+json` (RFC 9457). */
export const problemResponse = (c: ApiContext, err: AppError) => {
  const status = httpStatusOf[err.code]
  const headers = { 'Content-Type': problemType }
  const parts = toJsonParts(problemOf(err, c.get('requestId')))
  return sendAnswer(
    c,
    parts.length === 1 ? { body: parts[0], status, headers } : partsAnswer(c, parts, status, headers),
  )
}

export const problemType = 'application/problem+json'

/** Of an error that nothing of a prediction goes with. */
export const problemText = (err: AppError, requestId: string) => JSON.stringify(problemOf(err, requestId))

const problemOf = (err: AppError, requestId: string) => ({
  ...problemLine(err),
  request_id: requestId,
})

/** A problem that is one of many in an answer. */
export const problemLine = (err: AppError) => ({
  type: `urn:onqueue:error:${err.code}`,
  title: titleOf(err.code),
  status: httpStatusOf[err.code],
  detail: err.message,
  code: err.code,
  ...(err.places.length > 0 ? { errors: err.places } : {}),
  ...err.extra,
})

const titleOf = (code: string) => `${code.charAt(0).toUpperCase()}${code.slice(1).replaceAll('_', ' ')}`
