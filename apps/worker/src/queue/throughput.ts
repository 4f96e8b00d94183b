/**
 * Rows finished a second, as an average that forgets: it follows the last few seconds in which there was work, and
 * keeps its value while there is none, since it says how fast a backlog would drain.
 */
export class Throughput {
  #rowsPerSecond = 0
  #rows = 0
  #since: number

  constructor(now: number) {
    this.#since = now
  }

  add(rows: number) {
    this.#rows += rows
  }

  /** Takes in what was counted since the last call. `busy` is whether there was work all the time. */
  measure(now: number, busy: boolean) {
    const seconds = (now - this.#since) / 1000
    if (seconds > 0 && (this.#rows > 0 || busy)) {
      const weight = Math.min(1, seconds / 5)
      const rate = this.#rows / seconds
      // a model that was idle for a part of the time could have done more, so a lower rate counts only when it was busy
      if (busy || rate > this.#rowsPerSecond)
        this.#rowsPerSecond += (rate - this.#rowsPerSecond) * (this.#rowsPerSecond === 0 ? 1 : weight)
    }
    this.#rows = 0
    this.#since = now
    return Math.round(this.#rowsPerSecond * 100) / 100
  }
}
