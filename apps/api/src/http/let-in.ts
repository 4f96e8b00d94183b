import type { MiddlewareHandler } from 'hono'
import type { ApiEnvironment } from './api-environment.ts'
import type { RequestHead } from './request-head.ts'

/** Throws where a request must not be let in, whoever sent it. */
export type Guard = (request: RequestHead) => void

/** Whose request it is, and which of the owner's keys it came with; null without keys. Throws `unauthorized`. */
export type FindCaller = (request: RequestHead) => { owner: string; keyId: string | null }

export type WayIn = { loopbackGuard: Guard; findCaller: FindCaller }

/** Middleware that lets a request in: sets `owner` and `keyId`, or throws. */
export const letIn =
  ({ loopbackGuard, findCaller }: WayIn): MiddlewareHandler<ApiEnvironment> =>
  (c, next) => {
    loopbackGuard(c.req)
    const { owner, keyId } = findCaller(c.req)
    c.set('owner', owner)
    c.set('keyId', keyId)
    return next()
  }
