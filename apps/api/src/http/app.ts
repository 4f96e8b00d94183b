import { OpenAPIHono } from '@hono/zod-openapi'
import type { Logger } from '@onqueue/shared'
import { createErrorAnswer } from './errors/answer-error.ts'
import { createErrorHandler } from './errors/error-handler.ts'
import type { ApiEnvironment } from './api-environment.ts'
import { countRequests } from './count-requests.ts'
import type { CountRequest } from './count-requests.ts'
import { createCors } from './cors.ts'
import type { DialectOfPath } from './dialect.ts'
import { createLocate } from './errors/locate.ts'
import { createFront } from './front.ts'
import type { HotRoute } from './hot-route.ts'
import { letIn } from './let-in.ts'
import type { WayIn } from './let-in.ts'
import { createNotFoundHandler } from './errors/not-found.ts'
import { refuseInvalid } from './errors/refuse-invalid.ts'
import { noteArrival } from './request-id.ts'
import type { UnderWay } from './under-way.ts'

/**
 * The onion: every request gets its id, is counted, is let in from the web pages that may, must not come from a foreign web page, and has an owner, in this
 * order; then one route answers. What any of them throws becomes a response here, in the words of the path's dialect.
 *
 * Routes are added to `app`, before the first request: Hono takes none after it. `fetch` answers the hot ones without the onion;
 * `app` has those too.
 */
export const createApp = ({
  log,
  underWay,
  dialectOf,
  countRequest,
  publicUrl,
  corsOrigins,
  hotRoutes = [],
  loopbackGuard,
  findCaller,
}: WayIn & {
  log: Logger
  underWay?: UnderWay
  dialectOf: DialectOfPath
  countRequest: CountRequest
  publicUrl: string
  /** of web pages that may read what is answered */
  corsOrigins: readonly string[]
  hotRoutes?: readonly HotRoute[]
}) => {
  const app = new OpenAPIHono<ApiEnvironment>({ defaultHook: refuseInvalid })
  const answerError = createErrorAnswer({ dialectOf, locate: createLocate(publicUrl) })
  const handleError = createErrorHandler({ log, answerError })
  app.onError(handleError)
  app.notFound(createNotFoundHandler(app, { answerError }))
  const count = countRequests(countRequest)
  app.use((c, next) => {
    noteArrival(c)
    c.set('log', log)
    c.set('underWay', underWay)
    return count(c, next)
  })
  const cors = createCors(corsOrigins)
  if (cors) app.use(cors)
  app.use(letIn({ loopbackGuard, findCaller }))

  const fetch = createFront({
    app,
    hotRoutes,
    cors,
    variables: { log, underWay },
    handleError,
    countRequest,
    loopbackGuard,
    findCaller,
  })
  return { app, fetch }
}
