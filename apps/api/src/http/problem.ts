import { httpStatusOf } from '@onqueue/shared'
import type { AppError } from '@onqueue/shared'
import type { ApiContext } from './api-environment.ts'

/** An error as `application/problem+json` (RFC 9457). */
export const problemResponse = (c: ApiContext, err: AppError) => {
  const status = httpStatusOf[err.code]
  const problem = {
    type: `urn:onqueue:error:${err.code}`,
    title: titleOf(err.code),
    status,
    detail: err.message,
    code: err.code,
    request_id: c.get('requestId'),
    ...(err.places.length > 0 ? { errors: err.places } : {}),
    ...err.extra,
  }
  return c.body(JSON.stringify(problem), status, { 'Content-Type': 'application/problem+json' })
}

const titleOf = (code: string) => `${code.charAt(0).toUpperCase()}${code.slice(1).replaceAll('_', ' ')}`
