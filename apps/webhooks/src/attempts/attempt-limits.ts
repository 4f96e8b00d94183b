/**
 * The time that one attempt may take: `connectTimeoutMs` for DNS, TCP and TLS, `totalTimeoutMs` for everything. It can be
 * given up before as well. Whoever starts them clears them.
 */
export type AttemptLimits = {
  /** aborts when a limit is reached, or the attempt is given up */
  signal: AbortSignal
  /** rejects then; `reason` says why */
  ranOut: Promise<never>
  reason(): string | undefined
  giveUp(sentence: string): void
  /** Another connection is being made, which has the time for connecting to itself. */
  startConnecting(): void
  connected(): void
  clear(): void
}

export const startLimits = ({
  connectTimeoutMs,
  totalTimeoutMs,
}: {
  connectTimeoutMs: number
  totalTimeoutMs: number
}): AttemptLimits => {
  const controller = new AbortController()
  const { signal } = controller
  let reason: string | undefined
  const giveUp = (sentence: string) => {
    reason ??= sentence
    controller.abort()
  }
  const limit = (ms: number, what: string) => setTimeout(giveUp, ms, `no ${what} within ${ms / 1000} s`)

  const total = limit(totalTimeoutMs, 'answer')
  let connecting = limit(connectTimeoutMs, 'connection')
  return {
    signal,
    ranOut: new Promise<never>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new Error('given up')), { once: true }),
    ),
    reason: () => reason,
    giveUp,
    startConnecting: () => {
      clearTimeout(connecting)
      connecting = limit(connectTimeoutMs, 'connection')
    },
    connected: () => clearTimeout(connecting),
    clear: () => {
      clearTimeout(total)
      clearTimeout(connecting)
    },
  }
}
