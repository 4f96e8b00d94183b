/**
 * Does something again and again. A round begins every `intervalMs`, unless the one before is still under way; `onError` is told
 * of one that failed, and the next one comes all the same.
 */
export class Rounds {
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> | undefined
  #isClosed = false

  constructor({
    run,
    intervalMs,
    onError,
  }: {
    run: () => Promise<void>
    intervalMs: number
    onError: (err: unknown) => void
  }) {
    this.#timer = setInterval(() => {
      this.#running ??= run()
        .catch(onError)
        .finally(() => (this.#running = undefined))
    }, intervalMs)
  }

  /** A round that is long looks at it, and ends sooner. */
  get isClosed() {
    return this.#isClosed
  }

  /** Begins no more rounds. Resolves when the last one has ended. */
  async close() {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#running
  }
}
