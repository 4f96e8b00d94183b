import type { ApiContext } from '../../http/api-environment.ts'
import { parsePreference } from '../../http/prefer-header.ts'
import { readQuery } from '../../http/read-query.ts'
import { headOf } from '../../http/request-head.ts'
import type { ExpectedOutcome } from '../../predictions/waiter.ts'
import type { Wait } from '../../predictions/watch-prediction.ts'

/** For how long a caller wants to be held back, by `Prefer` or `?wait=`, on a route that takes no other parameter. */
export const preferenceOf = (c: ApiContext) =>
  parsePreference(headOf(c).header('prefer'), readQuery(c.req, ['wait']).wait)

/** A wait that counts from the arrival of the request, and ends where its caller leaves. */
export const waitOf = (c: ApiContext, waitMs: number, expected: ExpectedOutcome | null = null): Wait => ({
  waitMs: waitMs - (performance.now() - c.get('arrivedAt')),
  signal: c.req.raw.signal,
  expected,
})
