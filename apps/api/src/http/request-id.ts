import { randomUUID } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import type { ApiEnvironment } from './api-environment.ts'

const acceptable = /^[\w.:-]{1,128}$/

/**
 * Gives every request an id, and every response its `X-Request-Id`: the caller's own, where it is fit for a log line,
 * or else a new one. Also notes when the request came in.
 */
export const requestId: MiddlewareHandler<ApiEnvironment> = (c, next) => {
  const given = c.req.header('x-request-id')
  const id = given !== undefined && acceptable.test(given) ? given : randomUUID()
  c.set('requestId', id)
  c.set('arrivedAt', performance.now())
  c.header('X-Request-Id', id)
  return next()
}
