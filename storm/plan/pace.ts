/**
 * Keeps predictions and blows side by side: each blow has its share of the predictions. They are sent once it has been
 * dealt, and the next blow waits until they have been. So a storm is as long as both need, and no blow falls where nothing
 * is under way.
 */
export class Pace {
  readonly #share: number
  #dealt = 0
  #sent = 0
  #waiting: { isDue: () => boolean; resolve: () => void }[] = []

  constructor({ predictions, blows }: { predictions: number; blows: number }) {
    this.#share = predictions / blows
  }

  /** Resolves when the prediction, counted from 0, may be sent; it counts as sent then. */
  async untilPrediction(ordinal: number) {
    await this.#until(() => this.#dealt > Math.floor(ordinal / this.#share))
    this.#sent += 1
    this.#wake()
  }

  /** Resolves when the blow, counted from 0, may be dealt; it counts as dealt then. */
  async untilBlow(index: number) {
    await this.#until(() => this.#sent >= Math.floor(index * this.#share))
    this.#dealt = index + 1
    this.#wake()
  }

  #until(isDue: () => boolean) {
    if (isDue()) return Promise.resolve()
    return new Promise<void>((resolve) => this.#waiting.push({ isDue, resolve }))
  }

  #wake() {
    const due = this.#waiting.filter((one) => one.isDue())
    this.#waiting = this.#waiting.filter((one) => !due.includes(one))
    for (const { resolve } of due) resolve()
  }
}
