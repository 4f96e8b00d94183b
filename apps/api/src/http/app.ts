import { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from '@onqueue/shared'
import type { ErrorHandler, MiddlewareHandler } from 'hono'
import { createErrorAnswer } from './errors/answer-error.ts'
import type { AnswerError } from './errors/answer-error.ts'
import type { ApiEnvironment } from './api-environment.ts'
import { createCors } from './cors.ts'
import type { DialectOfPath } from './dialect.ts'
import { createLocate } from './errors/locate.ts'
import { createNotFoundHandler } from './errors/not-found.ts'
import { refuseInvalid } from './errors/refuse-invalid.ts'
import { requestId } from './request-id.ts'
import { toAppError } from './errors/to-app-error.ts'
import type { UnderWay } from './under-way.ts'

/**
 * The onion: every request gets its id, is counted, is let in from the web pages that may, must not come from a foreign web page, and has an owner, in this
 * order; then one route answers. What any of them throws becomes a response here, in the words of the path's dialect.
 *
 * Routes are added to what it returns, before the first request: Hono takes none after it.
 */
export const createApp = ({
  log,
  underWay,
  dialectOf,
  countRequest,
  publicUrl,
  corsOrigins,
  loopbackGuard,
  auth,
}: {
  log: Logger
  underWay?: UnderWay
  dialectOf: DialectOfPath
  countRequest: MiddlewareHandler<ApiEnvironment>
  publicUrl: string
  /** of web pages that may read what is answered */
  corsOrigins: readonly string[]
  loopbackGuard: MiddlewareHandler<ApiEnvironment>
  auth: MiddlewareHandler<ApiEnvironment>
}) => {
  const app = new OpenAPIHono<ApiEnvironment>({ defaultHook: refuseInvalid })
  const answerError = createErrorAnswer({ dialectOf, locate: createLocate(publicUrl) })
  app.onError(createErrorHandler({ log, answerError }))
  app.notFound(createNotFoundHandler(app, { answerError }))
  app.use(requestId)
  app.use((c, next) => {
    c.set('log', log)
    c.set('underWay', underWay)
    return next()
  })
  app.use(countRequest)
  const cors = createCors(corsOrigins)
  if (cors) app.use(cors)
  app.use(loopbackGuard)
  app.use(auth)
  return app
}

/** The one place where what was thrown becomes a response. */
const createErrorHandler =
  ({ log, answerError }: { log: Logger; answerError: AnswerError }): ErrorHandler<ApiEnvironment> =>
  (thrown, c) => {
    const err = toAppError(thrown)
    const requestId = c.get('requestId')
    if (err.code === 'internal_error') log.error({ requestId, err: thrown }, 'request failed')
    else log.debug({ requestId, code: err.code }, 'request refused')
    return answerError(c, err)
  }
