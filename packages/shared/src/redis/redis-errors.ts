/** True when the error says that Redis could not be reached or did not answer, rather than that it refused a command. */
export const isConnectionError = (err: unknown): boolean =>
  err instanceof Error &&
  (/isn't writeable|Connection is closed|did not answer in time|max retries per request|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|LOADING|command was aborted|UNBLOCKED/i.test(
    err.message,
  ) ||
    err.name === 'MaxRetriesPerRequestError' ||
    err.name === 'AbortError')

/** True when Redis refused a write because it has reached its maxmemory. */
export const isOutOfMemory = (err: unknown) => err instanceof Error && err.message.startsWith('OOM ')

/** True when a failed command was never written to Redis, so that it certainly had no effect. */
export const wasNeverSent = (err: unknown) => err instanceof Error && /isn't writeable/.test(err.message)
