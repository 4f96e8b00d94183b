/** What came of one attempt. */
export type AttemptResult = {
  /** of the answer, and alone decides what comes next; null when none came (refused, timed out, blocked) */
  statusCode: number | null
  /** null for 2xx and otherwise a short sentence for people */
  error: string | null
  /** the `Retry-After` header as received: seconds or a date (RFC 9110 §10.2.3) */
  retryAfter: string | null
  /** up to 1 KiB of the answer's body, as UTF-8; null when there was none */
  responseHead: string | null
  durationMs: number
}
