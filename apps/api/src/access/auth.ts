import { anonymousOwner } from '@onqueue/shared'
import type { HonoRequest, MiddlewareHandler } from 'hono'
import type { ApiEnvironment } from '../http/api-environment.ts'
import type { Dialect, DialectOfPath } from '../http/dialect.ts'
import { unauthorized } from './bearer-key.ts'
import type { KeyRing } from './key-ring.ts'

/**
 * Says whose request it is: sets `owner`, or throws `unauthorized` with what to do.
 *
 * Without keys everybody is `anonymous`, whatever they send: clients of other servers always send a key. What decides is the
 * path as the router reads it, so no spelling of a path is open here and something else there.
 */
export const createAuth =
  ({
    keys,
    dialectOf,
    isOpen,
  }: {
    keys: KeyRing
    dialectOf: DialectOfPath
    /** whether a path needs no key in any mode */
    isOpen: (path: string) => boolean
  }): MiddlewareHandler<ApiEnvironment> =>
  async (c, next) => {
    const isOpenToAll = isOpen(c.req.path) || !keys.isKeyNeeded()
    c.set('owner', isOpenToAll ? anonymousOwner : findOwner(c.req, dialectOf(c.req.path), keys))
    return next()
  }

const findOwner = (request: HonoRequest, dialect: Dialect, keys: KeyRing) => {
  // it says nothing of whose it is: the route takes what opens it in place of the owner
  if (dialect.opensWithoutKey?.(request)) return anonymousOwner
  const owner = keys.findOwner(dialect.readKey(request))
  if (owner !== undefined) return owner
  throw unauthorized(
    'this API key is not known here, or it was revoked; the operator makes one with: npm run keys -- create NAME',
    'invalid_token',
  )
}
