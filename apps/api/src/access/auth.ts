import { hash } from 'node:crypto'
import { anonymousOwner } from '@onqueue/shared'
import type { HonoRequest, MiddlewareHandler } from 'hono'
import type { ApiEnvironment } from '../http/api-environment.ts'
import type { Dialect, DialectOfPath } from '../http/dialect.ts'
import { keyIdOf } from './api-keys.ts'
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
    keys: Pick<KeyRing, 'isKeyNeeded' | 'findOwner'>
    dialectOf: DialectOfPath
    /** whether a path needs no key in any mode */
    isOpen: (path: string) => boolean
  }): MiddlewareHandler<ApiEnvironment> =>
  async (c, next) => {
    const isOpenToAll = isOpen(c.req.path) || !keys.isKeyNeeded()
    const caller = isOpenToAll ? anonymous : findCaller(c.req, dialectOf(c.req.path), keys)
    c.set('owner', caller.owner)
    c.set('keyId', caller.keyId)
    return next()
  }

const anonymous = { owner: anonymousOwner, keyId: null }

const findCaller = (request: HonoRequest, dialect: Dialect, keys: Pick<KeyRing, 'findOwner'>) => {
  // it says nothing of whose it is: the route takes what opens it in place of the owner
  if (dialect.opensWithoutKey?.(request)) return anonymous
  const key = dialect.readKey(request)
  const owner = keys.findOwner(key)
  if (owner !== undefined) return { owner, keyId: keyIdOf(hash('sha256', key, 'hex')) }
  throw unauthorized(
    'this API key is not known here, or it was revoked; the operator makes one with: npm run keys -- create NAME',
    'invalid_token',
  )
}
