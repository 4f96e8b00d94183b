import type { HonoRequest, MiddlewareHandler } from 'hono'
import { AppError } from '@onqueue/shared'
import type { ApiEnvironment } from '../http/api-environment.ts'
import { anonymousOwner } from './api-keys.ts'
import type { KeyRing } from './key-ring.ts'

/** Whether a token is the one in `urls.events` of this prediction. */
export type VerifyEventsToken = (predictionId: string, token: string) => boolean

/**
 * Says whose request it is: sets `owner`, or throws `unauthorized` with what to do.
 *
 * Without keys everybody is `anonymous`, whatever bearer token they send: clients of other servers always send one.
 * What decides is the path as the router reads it, so no spelling of a path is open here and something else there.
 */
export const createAuth =
  ({
    keys,
    verifyEventsToken,
  }: {
    keys: KeyRing
    verifyEventsToken: VerifyEventsToken
  }): MiddlewareHandler<ApiEnvironment> =>
  async (c, next) => {
    const isOpen = isOpenPath(c.req.path) || !keys.isKeyNeeded()
    c.set('owner', isOpen || opensEvents(c.req, verifyEventsToken) ? anonymousOwner : findOwner(c.req, keys))
    return next()
  }

/** Paths that need no key in any mode: they tell no more than that the server is there and what its models look like. */
const isOpenPath = (path: string) => openPaths.has(path) || /^\/(v2\/health|docs)\//.test(path)

const openPaths = new Set(['/health', '/livez', '/readyz', '/docs', '/openapi.json'])

/**
 * An `EventSource` can't send a header, so this one path also takes a token, good for one prediction. It says nothing of
 * whose prediction that is: the events route takes the token in place of the owner.
 */
const opensEvents = (request: HonoRequest, verifyEventsToken: VerifyEventsToken) => {
  const predictionId = /^\/v1\/predictions\/([^/]+)\/events$/.exec(request.path)?.[1]
  const token = request.query('token')
  if (predictionId === undefined || token === undefined || request.header('authorization') !== undefined)
    return false
  if (verifyEventsToken(predictionId, token)) return true
  throw new AppError(
    'unauthorized',
    'the token in this address is not good for this prediction; take the address from urls.events of the prediction',
    { headers: { 'WWW-Authenticate': challenge } },
  )
}

const findOwner = (request: HonoRequest, keys: KeyRing) => {
  const authorization = request.header('authorization')
  if (authorization === undefined) {
    throw new AppError(
      'unauthorized',
      "this needs an API key: add -H 'authorization: Bearer <key>'; the operator makes one with: npm run keys -- create NAME",
      { headers: { 'WWW-Authenticate': challenge } },
    )
  }
  const key = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1]
  const owner = key === undefined ? undefined : keys.findOwner(key)
  if (owner !== undefined) return owner
  throw new AppError(
    'unauthorized',
    key === undefined
      ? "the Authorization header can't be read: write it as 'authorization: Bearer <key>'"
      : 'this API key is not known here, or it was revoked; the operator makes one with: npm run keys -- create NAME',
    // RFC 6750, section 3.1
    {
      headers: {
        'WWW-Authenticate': `${challenge}, error="${key === undefined ? 'invalid_request' : 'invalid_token'}"`,
      },
    },
  )
}

const challenge = 'Bearer realm="onqueue"'
