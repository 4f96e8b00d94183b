const weight = 0.3

/** How fast a measure falls, a second: a mean of its last readings, in which one that rose counts as none. */
export class FallRate {
  #last: { value: number; at: number } | undefined
  #perSecond = 0

  get perSecond() {
    return this.#perSecond
  }

  /** `at` is in ms. */
  read(value: number, at: number) {
    const last = this.#last
    this.#last = { value, at }
    if (!last || at <= last.at) return
    const fell = Math.max(0, ((last.value - value) * 1000) / (at - last.at))
    this.#perSecond += (fell - this.#perSecond) * weight
  }
}
