import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { ApiEnvironment } from './api-environment.ts'

/** Told of every request that was answered; `route` is the pattern of the router, and of middleware alone where none matched. */
export type CountRequest = (answered: {
  method: string
  route: string
  status: number
  seconds: number
}) => void

/** Middleware that counts and times every request; the outermost, so that it sees refusals too. */
export const countRequests =
  (countRequest: CountRequest): MiddlewareHandler<ApiEnvironment> =>
  async (c, next) => {
    const startedAt = performance.now()
    await next()
    countRequest({
      method: c.req.method,
      route: routePath(c, -1),
      status: c.res.status,
      seconds: (performance.now() - startedAt) / 1000,
    })
  }
