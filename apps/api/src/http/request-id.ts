import { randomUUID } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import type { ApiContext, ApiEnvironment } from './api-environment.ts'
import type { RequestHead } from './request-head.ts'

const acceptable = /^[\w.:-]{1,128}$/

/** The id of a request: the caller's own, where it is fit for a log line, or else a new one. */
export const requestIdOf = (head: Pick<RequestHead, 'header'>): string => {
  const given = head.header('x-request-id')
  return given !== undefined && acceptable.test(given) ? given : randomUUID()
}

/** Gives every request its id, and every response its `X-Request-Id`. Also notes when the request came in. */
export const requestId: MiddlewareHandler<ApiEnvironment> = (c, next) => {
  noteArrival(c)
  return next()
}

export const noteArrival = (c: ApiContext) => {
  const id = requestIdOf(c.req)
  c.set('requestId', id)
  c.set('arrivedAt', performance.now())
  c.header('X-Request-Id', id)
}
