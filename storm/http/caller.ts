/** What came of a request: an answer, or none. */
export type Reply =
  | { kind: 'answered'; status: number; headers: Headers; text: string }
  /** `wasSent`: the server may have read it */
  | { kind: 'unanswered'; why: string; wasSent: boolean }

export type Call = {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  /** is sent as JSON */
  body?: unknown
  /** is sent as it is, in place of a body */
  content?: Blob
  headers?: Record<string, string>
  timeoutMs?: number
  /** its caller leaves when this aborts */
  signal?: AbortSignal
}

const usualTimeoutMs = 15_000

/** Calls a server that may be dead, dying or silent. Never rejects. */
export const call = async (
  url: string,
  { method, path, body, content, headers = {}, timeoutMs = usualTimeoutMs, signal }: Call,
): Promise<Reply> => {
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const response = await fetch(url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(content === undefined ? {} : { body: content }),
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
    })
    const { status, headers: answered } = response
    return { kind: 'answered', status, headers: answered, text: await response.text() }
  } catch (err) {
    return { kind: 'unanswered', why: codeOf(err), wasSent: codeOf(err) !== 'ECONNREFUSED' }
  }
}

const codeOf = (err: unknown): string => {
  if (!(err instanceof Error)) return String(err)
  if (err.cause !== undefined) return codeOf(err.cause)
  return 'code' in err && typeof err.code === 'string' ? err.code : err.name
}
