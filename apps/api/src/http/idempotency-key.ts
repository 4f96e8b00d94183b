import { AppError } from '@onqueue/shared'

/**
 * The value of an `Idempotency-Key` header, quoted (as draft-ietf-httpapi-idempotency-key-header has it) or bare;
 * undefined where there is none. Throws `invalid_request` when it isn't 1–255 printable ASCII characters.
 */
export const parseIdempotencyKey = (header: string | undefined) => {
  if (header === undefined) return undefined
  const key = /^".*"$/.test(header) ? header.slice(1, -1).replaceAll(/\\(["\\])/g, '$1') : header
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new AppError('invalid_request', 'Idempotency-Key takes 1 to 255 printable ASCII characters')
  }
  return key
}
