import { AppError, isConnectionError, refusalOf } from '@onqueue/shared'
import type { AppErrorCode } from '@onqueue/shared'
import { HTTPException } from 'hono/http-exception'

/** Whatever was thrown, as an error that the caller can be told about. */
export const toAppError = (err: Error): AppError => {
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
  if (refusalOf(err)) {
    return new AppError('queue_unavailable', 'the queue refuses this at the moment; try again', {
      retryAfterSeconds: 5,
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
