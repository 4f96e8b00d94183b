import { AppError, parseDuration } from '@onqueue/shared'

const longestMs = 30 * 24 * 3_600_000

/**
 * The deadline (ms since the epoch) that a `Cancel-After` header sets for a prediction of `now`; null without one.
 * Throws `invalid_request` when it is no duration above 0 and up to 30 days.
 */
export const deadlineFrom = (header: string | undefined, now: number) => {
  if (header === undefined) return null
  const seconds = parseDuration(header.trim())
  if (seconds === undefined || seconds <= 0 || seconds * 1000 > longestMs) {
    throw new AppError(
      'invalid_request',
      'Cancel-After takes a duration such as 30, 30s or 1h30m, up to 720h',
    )
  }
  return now + Math.ceil(seconds * 1000)
}
