import { hash } from 'node:crypto'
import { anonymousOwner } from '@onqueue/shared'
import type { Dialect, DialectOfPath } from '../http/dialect.ts'
import type { FindCaller } from '../http/let-in.ts'
import type { RequestHead } from '../http/request-head.ts'
import { keyIdOf } from './api-keys.ts'
import { unauthorized } from './bearer-key.ts'
import type { KeyRing } from './key-ring.ts'

/**
 * Says whose request it is, or throws `unauthorized` with what to do.
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
  }): FindCaller =>
  (request) => {
    const isOpenToAll = isOpen(request.path) || !keys.isKeyNeeded()
    return isOpenToAll ? anonymous : findCaller(request, dialectOf(request.path), keys)
  }

const anonymous = { owner: anonymousOwner, keyId: null }

const findCaller = (request: RequestHead, dialect: Dialect, keys: Pick<KeyRing, 'findOwner'>) => {
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
