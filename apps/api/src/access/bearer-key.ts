import { AppError } from '@onqueue/shared'
import type { RequestHead } from '../http/request-head.ts'

/** What a refusal asks for (RFC 6750, section 3). */
const bearerChallenge = 'Bearer realm="onqueue"'

/** The key of `Authorization: Bearer <key>`. Throws `unauthorized` with what to do. */
export const readBearerKey = (request: Pick<RequestHead, 'header'>): string => {
  const authorization = request.header('authorization')
  if (authorization === undefined) {
    throw unauthorized(
      "this needs an API key: add -H 'authorization: Bearer <key>'; the operator makes one with: npm run keys -- create NAME",
    )
  }
  const key = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1]
  if (key !== undefined) return key
  throw unauthorized(
    "the Authorization header can't be read: write it as 'authorization: Bearer <key>'",
    'invalid_request',
  )
}

/** `error` is a code of RFC 6750, section 3.1. */
export const unauthorized = (message: string, error?: 'invalid_request' | 'invalid_token') =>
  new AppError('unauthorized', message, {
    headers: {
      'WWW-Authenticate': error === undefined ? bearerChallenge : `${bearerChallenge}, error="${error}"`,
    },
  })
