import type { Logger } from '@onqueue/shared'
import { Hono } from 'hono'
import type { ErrorHandler, Handler, MiddlewareHandler } from 'hono'
import { RegExpRouter } from 'hono/router/reg-exp-router'
import { getPath } from 'hono/utils/url'
import { toResponse } from './answers/answer.ts'
import type { ApiEnvironment } from './api-environment.ts'
import type { CountRequest } from './count-requests.ts'
import type { HotRoute } from './hot-route.ts'
import type { WayIn } from './let-in.ts'
import { readHead } from './request-head.ts'
import { requestIdOf } from './request-id.ts'
import type { UnderWay } from './under-way.ts'

/**
 * What stands in front of the app: it answers the hot routes, and hands over every other request.
 *
 * What the chain of the app does to a request in steps (its id, the count, guard, caller, errors) is done here by one function,
 * made of the same parts; a promise and a closure a step, and headers that are read and written by the objects of the web, cost
 * more than all that a poll is about. The few routes are also found by one regular expression.
 */
export const createFront = ({
  app,
  hotRoutes,
  cors,
  variables,
  handleError,
  countRequest,
  loopbackGuard,
  findCaller,
}: WayIn & {
  /** has the hot routes too */
  app: Pick<Hono<ApiEnvironment>, 'fetch'>
  hotRoutes: readonly HotRoute[]
  cors: MiddlewareHandler<ApiEnvironment> | undefined
  variables: { log: Logger; underWay: UnderWay | undefined }
  handleError: ErrorHandler<ApiEnvironment>
  countRequest: CountRequest
}) => {
  const answer =
    ({ handle }: HotRoute, route: string): Handler<ApiEnvironment> =>
    async (c) => {
      const arrivedAt = performance.now()
      const head = readHead(c)
      const requestId = requestIdOf(head)
      c.set('requestId', requestId)
      c.set('arrivedAt', arrivedAt)
      c.set('log', variables.log)
      c.set('underWay', variables.underWay)
      c.set('head', head)
      let response: Response
      try {
        loopbackGuard(head)
        const { owner, keyId } = findCaller(head)
        c.set('owner', owner)
        c.set('keyId', keyId)
        response = toResponse(await handle(c), requestId)
      } catch (err) {
        if (!(err instanceof Error)) throw err
        c.header('X-Request-Id', requestId)
        response = await handleError(err, c)
      }
      const { status } = response
      countRequest({ method: head.method, route, status, seconds: (performance.now() - arrivedAt) / 1000 })
      return response
    }

  const front = new Hono<ApiEnvironment>()
  const router = new RegExpRouter<true>()
  for (const hotRoute of hotRoutes) {
    const path = hotRoute.description.getRoutingPath()
    const method = hotRoute.description.method.toUpperCase()
    router.add(method, path, true)
    if (cors) front.on(method, path, cors)
    front.on(method, path, answer(hotRoute, path))
  }

  const isHot = (request: Request) => router.match(request.method, getPath(request))[0].length > 0
  return (...[request, ...rest]: Parameters<typeof app.fetch>) =>
    isHot(request) ? front.fetch(request, ...rest) : app.fetch(request, ...rest)
}
