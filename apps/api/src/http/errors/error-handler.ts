import type { Logger } from '@onqueue/shared'
import type { ErrorHandler } from 'hono'
import type { ApiEnvironment } from '../api-environment.ts'
import type { AnswerError } from './answer-error.ts'
import { toAppError } from './to-app-error.ts'

/** The one place where what was thrown becomes a response. */
export const createErrorHandler =
  ({ log, answerError }: { log: Logger; answerError: AnswerError }): ErrorHandler<ApiEnvironment> =>
  (thrown, c) => {
    const err = toAppError(thrown)
    const requestId = c.get('requestId')
    if (err.code === 'internal_error') log.error({ requestId, err: thrown }, 'request failed')
    else log.debug({ requestId, code: err.code }, 'request refused')
    return answerError(c, err)
  }
