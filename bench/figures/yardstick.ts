/**
 * What something is compared with. The machine is not the same from one minute to the next, so whatever is compared lies
 * between two measurements of its yardstick, and is divided by their mean.
 */
export class Yardstick {
  readonly #measure: () => Promise<number>
  #latest: number

  static async start(measure: () => Promise<number>): Promise<Yardstick> {
    return new Yardstick(measure, await measure())
  }

  private constructor(measure: () => Promise<number>, first: number) {
    this.#measure = measure
    this.#latest = first
  }

  /** Runs `body`, then measures the yardstick again. `mean` is that of its measurements before and after. */
  async beside<Result>(body: () => Promise<Result>): Promise<{ result: Result; mean: number }> {
    const before = this.#latest
    const result = await body()
    this.#latest = await this.#measure()
    return { result, mean: (before + this.#latest) / 2 }
  }
}
