type Options = {
  /** renews the locks of jobs, each under its token, and never rejects */
  extend: (ids: string[], tokens: string[]) => Promise<void>
  intervalMs: number
}

/**
 * Renews the locks of what is being processed, so that nobody else takes it. BullMQ's own renewal goes by the clock of the
 * machine, and would wait for as long as that is behind, or was set back.
 */
export class LockRenewal {
  /** by token: one that was lost here may have been taken again here */
  readonly #ids = new Map<string, string>()
  readonly #options: Options
  /** while something is held */
  #timer: NodeJS.Timeout | undefined

  constructor(options: Options) {
    this.#options = options
  }

  hold(id: string, token: string) {
    this.#ids.set(token, id)
    this.#timer ??= setInterval(() => this.#extend(), this.#options.intervalMs)
  }

  release(token: string) {
    this.#ids.delete(token)
  }

  close() {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #extend() {
    if (this.#ids.size === 0) return this.close()
    void this.#options.extend([...this.#ids.values()], [...this.#ids.keys()])
  }
}
