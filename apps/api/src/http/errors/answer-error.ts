import type { AppError } from '@onqueue/shared'
import type { ApiContext } from '../api-environment.ts'
import type { DialectOfPath } from '../dialect.ts'
import type { Locate } from './locate.ts'

/**
 * Answers with an error in the words of the dialect whose path it is. The headers that HTTP asks for (`Retry-After`, `Allow`,
 * `WWW-Authenticate`, `Location`) are the same in all of them, so no dialect can forget one.
 */
export type AnswerError = (c: ApiContext, err: AppError) => Response

export const createErrorAnswer =
  ({ dialectOf, locate }: { dialectOf: DialectOfPath; locate: Locate }): AnswerError =>
  (c, err) => {
    if (err.retryAfterSeconds !== undefined) c.header('Retry-After', String(err.retryAfterSeconds))
    for (const [name, value] of Object.entries(err.headers))
      c.header(name, name === 'Location' ? locate(value) : value)
    return dialectOf(c.req.path).toErrorResponse(c, err)
  }
