import { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from '@onqueue/shared'
import type { MiddlewareHandler } from 'hono'
import type { ApiEnvironment } from './api-environment.ts'
import { createNotFoundHandler } from './not-found.ts'
import { createProblemHandler, refuseInvalid } from './problem.ts'
import { requestId } from './request-id.ts'

/**
 * The onion: every request gets its id, is counted, must not come from a foreign web page, and has an owner, in this
 * order; then one route answers. What any of them throws becomes a response in problem.ts.
 *
 * `mount` adds the routes: Hono takes none after its first request.
 */
export const createApp = ({
  log,
  countRequest,
  loopbackGuard,
  auth,
  mount,
}: {
  log: Logger
  countRequest: MiddlewareHandler<ApiEnvironment>
  loopbackGuard: MiddlewareHandler<ApiEnvironment>
  auth: MiddlewareHandler<ApiEnvironment>
  mount: (app: OpenAPIHono<ApiEnvironment>) => void
}) => {
  const app = new OpenAPIHono<ApiEnvironment>({ defaultHook: refuseInvalid })
  app.onError(createProblemHandler({ log }))
  app.notFound(createNotFoundHandler(app))
  app.use(requestId)
  app.use(countRequest)
  app.use(loopbackGuard)
  app.use(auth)
  mount(app)
  return app
}
