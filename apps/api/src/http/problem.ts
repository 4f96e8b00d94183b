import { httpStatusOf } from '@onqueue/shared'
import type { AppError } from '@onqueue/shared'
import type { ApiContext } from './api-environment.ts'

/** An error as `application/problem+json` (RFC 9457). */
export const problemResponse = (c: ApiContext, err: AppError) =>
  c.body(problemText(err, c.get('requestId')), httpStatusOf[err.code], { 'Content-Type': problemType })

export const problemType = 'application/problem+json'

export const problemText = (err: AppError, requestId: string) =>
  JSON.stringify({
    type: `urn:onqueue:error:${err.code}`,
    title: titleOf(err.code),
    status: httpStatusOf[err.code],
    detail: err.message,
    code: err.code,
    request_id: requestId,
    ...(err.places.length > 0 ? { errors: err.places } : {}),
    ...err.extra,
  })

const titleOf = (code: string) => `${code.charAt(0).toUpperCase()}${code.slice(1).replaceAll('_', ' ')}`
