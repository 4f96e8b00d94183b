/**
 * Renews the locks of what is being processed, so that nobody else takes it. BullMQ's own renewal goes by the clock of the
 * machine, and would wait for as long as that is behind, or was set back.
 */
export class LockRenewal {
  /** by token: one that was lost here may have been taken again here */
  readonly #ids = new Map<string, string>()
  readonly #timer: NodeJS.Timeout

  /** `extend` renews the locks of jobs, each under its token, and never rejects. */
  constructor({
    extend,
    intervalMs,
  }: {
    extend: (ids: string[], tokens: string[]) => Promise<void>
    intervalMs: number
  }) {
    this.#timer = setInterval(() => {
      if (this.#ids.size > 0) void extend([...this.#ids.values()], [...this.#ids.keys()])
    }, intervalMs)
  }

  hold(id: string, token: string) {
    this.#ids.set(token, id)
  }

  release(token: string) {
    this.#ids.delete(token)
  }

  close() {
    clearInterval(this.#timer)
  }
}
