import type { Outcome } from '@onqueue/shared'

/** One caller's wait for one prediction. */
export class Waiter {
  #outcome: Outcome | null = null
  #isClosed = false
  #wake: (() => void) | undefined

  settle(outcome: Outcome) {
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
