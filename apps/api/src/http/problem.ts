import { AppError, httpStatusOf, isConnectionError } from '@onqueue/shared'
import type { AppErrorCode, Logger } from '@onqueue/shared'
import type { Context, ErrorHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ApiContext, ApiEnvironment } from './api-environment.ts'
import { toPlaces } from './bodies/issue-places.ts'
import type { z } from 'zod'

/** The one place where an error becomes a response: `application/problem+json` (RFC 9457). */
export const createProblemHandler =
  ({ log }: { log: Logger }): ErrorHandler<ApiEnvironment> =>
  (thrown, c) => {
    const err = toAppError(thrown)
    const requestId = c.get('requestId')
    if (err.code === 'internal_error') log.error({ requestId, err: thrown }, 'request failed')
    else log.debug({ requestId, code: err.code }, 'request refused')
    return problemResponse(c, err)
  }

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
  return c.body(JSON.stringify(problem), status, {
    'Content-Type': 'application/problem+json',
    ...(err.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(err.retryAfterSeconds) }),
    ...err.headers,
  })
}

/** Given to every route that @hono/zod-openapi validates: what it finds leaves like any other error. */
export const refuseInvalid = (
  result: { success: true } | { success: false; target: string; error: z.core.$ZodError },
  _c: Context,
) => {
  if (result.success) return
  const places = toPlaces(result.error.issues, '')
  const list = places.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`).join('; ')
  throw new AppError('invalid_request', `the ${result.target} can't be used: ${list}`)
}

const toAppError = (err: Error): AppError => {
  if (err instanceof AppError) return err
  if (err instanceof HTTPException) {
    return new AppError(codeOfStatus(err.status), err.status < 500 ? err.message : internal, { cause: err })
  }
  if (isConnectionError(err)) {
    return new AppError('queue_unavailable', 'the queue does not answer at the moment; try again', {
      retryAfterSeconds: 1,
      cause: err,
    })
  }
  if (err.message.startsWith('OOM ')) {
    return new AppError('memory_full', 'the queue has no memory left; try again later', {
      retryAfterSeconds: 60,
      cause: err,
    })
  }
  return new AppError('internal_error', internal, { cause: err })
}

const internal = 'something went wrong here; the log has it under this request id'

const codeOfStatus = (status: number): AppErrorCode => {
  const codes: Record<number, AppErrorCode> = {
    401: 'unauthorized',
    403: 'forbidden',
    404: 'not_found',
    405: 'method_not_allowed',
    413: 'body_too_large',
    415: 'unsupported_media_type',
  }
  return codes[status] ?? (status < 500 ? 'invalid_request' : 'internal_error')
}

const titleOf = (code: string) => `${code.charAt(0).toUpperCase()}${code.slice(1).replaceAll('_', ' ')}`
