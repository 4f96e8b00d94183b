/** How many runs are remembered: the last ones, of whatever size. */
const maxRuns = 64

/** How long the runs of a version took lately, to tell how long one will go on that has not ended yet. */
export class RunTimes {
  readonly #durationsMs: number[]
  #next = 0

  /** Measured before there was a run, such as at warm-up. */
  constructor(durationsMs: number[]) {
    this.#durationsMs = durationsMs.slice(-maxRuns)
    this.#next = this.#durationsMs.length % maxRuns
  }

  /** Of a run that was stopped it is how long it took until then, which is less than it would have taken. */
  add(durationMs: number) {
    this.#durationsMs[this.#next] = durationMs
    this.#next = (this.#next + 1) % maxRuns
  }

  /**
   * How long a run goes on, on average, that has gone on for so long already: by those that went on for longer. Undefined
   * when none did, so that nothing is known of such a run.
   */
  remainingMs(elapsedMs: number): number | undefined {
    const longer = this.#durationsMs.filter((durationMs) => durationMs > elapsedMs)
    if (longer.length === 0) return undefined
    return longer.reduce((sum, durationMs) => sum + durationMs - elapsedMs, 0) / longer.length
  }
}
