import { refusalOf } from './redis-refusals.ts'

/** True when the error says that Redis could not be reached or did not answer, rather than that it refused a command. */
export const isConnectionError = (err: unknown): boolean =>
  err instanceof Error &&
  (/isn't writeable|Connection is closed|did not answer in time|max retries per request|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|command was aborted/i.test(
    err.message,
  ) ||
    err.name === 'MaxRetriesPerRequestError' ||
    err.name === 'AbortError')

/** True when Redis is to blame, whatever it was asked: it can't be reached, or refuses. It says so itself, once. */
export const isRedisAway = (err: unknown) => isConnectionError(err) || refusalOf(err) !== undefined

/** True when Redis refused a write because it has reached its maxmemory. */
export const isOutOfMemory = (err: unknown) => refusalOf(err)?.code === 'OOM'

/** True when a failed command certainly had no effect: it was never written to Redis, or Redis refused it. */
export const hadNoEffect = (err: unknown) =>
  (err instanceof Error && /isn't writeable/.test(err.message)) || refusalOf(err)?.hadNoEffect === true

/** The level at which a failure is logged that is tried again: that Redis is away is told elsewhere, and once. */
export const levelOf = (err: unknown) => (isRedisAway(err) ? 'debug' : 'warn')
