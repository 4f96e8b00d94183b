import type { Outcome } from '@onqueue/shared'

/** Who is told of predictions that end. */
export type OutcomeListener = {
  settle(id: string, outcome: Outcome): void
  /** The prediction may be gone. */
  wake(id: string): void
  /** Nothing more will be told. */
  close(): void
}

export type ExpectedOutcome = {
  /**
   * The outcome, or null before it was there: when `waitMs` passed, `signal` aborted or the process is closing, and when the
   * prediction may be gone.
   */
  within(waitMs: number, signal?: AbortSignal): Promise<Outcome | null>
  /** Must be called when nobody waits any more. */
  release(): void
}

/** One caller's wait for one prediction. */
export class Waiter implements OutcomeListener {
  #outcome: Outcome | null = null
  #isClosed = false
  #wake: (() => void) | undefined

  settle(_id: string, outcome: Outcome) {
    this.#outcome ??= outcome
    this.#wake?.()
  }

  /** Ends the wait that is under way, if there is one. */
  wake() {
    this.#wake?.()
  }

  close() {
    this.#isClosed = true
    this.#wake?.()
  }

  async within(waitMs: number, signal?: AbortSignal): Promise<Outcome | null> {
    if (this.#outcome !== null || this.#isClosed || waitMs <= 0 || signal?.aborted) return this.#outcome
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', wake)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(wake, waitMs)
      signal?.addEventListener('abort', wake)
      this.#wake = wake
    })
    return this.#outcome
  }
}
