/**
 * Judges whether Redis is silent: whether its oldest unanswered command was the same at so many looks in a row at which
 * this process was on time.
 *
 * A look that comes late says that the processor was busy with others. A process that is starved gets a few moments of
 * each second, in which it finds the command unanswered again; and Redis, on the same machine, gets no more to answer it.
 * So such a look neither counts nor clears.
 */
export class Silence {
  readonly #intervalMs: number
  readonly #maxLooks: number
  #oldest: unknown
  #looks = 0
  #lookedAt: number

  /** `intervalMs`: between looks that are on time. */
  constructor({ intervalMs, maxLooks, now }: { intervalMs: number; maxLooks: number; now: number }) {
    this.#intervalMs = intervalMs
    this.#maxLooks = maxLooks
    this.#lookedAt = now
  }

  /** `oldest`: the command that has waited longest, undefined where none waits. True when Redis is silent. */
  look(oldest: unknown, now: number) {
    const isLate = now - this.#lookedAt > this.#intervalMs * lateFactor
    this.#lookedAt = now
    if (oldest === undefined || oldest !== this.#oldest) this.#looks = 0
    else if (!isLate) this.#looks += 1
    this.#oldest = oldest
    return this.#looks >= this.#maxLooks
  }
}

/** Timers of a process that has the processor when it wants it come within a few milliseconds. */
const lateFactor = 1.2
