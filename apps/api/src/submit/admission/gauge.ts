/** A reading from before a pause says nothing about now. */
const maxPauseMs = 2000

/**
 * A measure that is read at most every `maxAgeMs`, whatever the load: what this process knows to have been added since is
 * added to the last reading.
 *
 *     no reading ──refresh──▶ fresh ──maxAgeMs──▶ old: replaced in the background ──maxPauseMs──▶ stale
 *         └───────────── stale: a caller waits for the next reading ◀──────────────────────────────┘
 *
 * A reading that fails leaves the last one standing for another `maxAgeMs`, and is told to `onFailed`.
 */
export class Gauge {
  readonly #read: () => Promise<number>
  readonly #maxAgeMs: number
  readonly #onFailed: (err: unknown) => void
  readonly #clock: () => number
  #reading: { value: number; at: number } | undefined
  #added = 0
  #refreshing: Promise<void> | undefined

  constructor({
    read,
    maxAgeMs,
    onFailed,
    clock = () => performance.now(),
  }: {
    read: () => Promise<number>
    maxAgeMs: number
    onFailed: (err: unknown) => void
    clock?: () => number
  }) {
    this.#read = read
    this.#maxAgeMs = maxAgeMs
    this.#onFailed = onFailed
    this.#clock = clock
  }

  get value() {
    return (this.#reading?.value ?? 0) + this.#added
  }

  /** Takes in what this process adds. */
  add(amount: number) {
    this.#added += amount
  }

  /** Resolves when the value is one to go by: at once, but for the first time and after a pause, and a promise then only. Never rejects. */
  freshen(): Promise<void> | undefined {
    const ageMs = this.#reading === undefined ? Infinity : this.#clock() - this.#reading.at
    if (ageMs <= this.#maxAgeMs) return undefined
    const refreshing = (this.#refreshing ??= this.#refresh())
    return ageMs > maxPauseMs ? refreshing : undefined
  }

  async #refresh() {
    const addedBefore = this.#added
    const at = this.#clock()
    try {
      this.#reading = { value: await this.#read(), at }
      // what was added while it was read may or may not be in the reading: it stays counted until the next
      this.#added -= addedBefore
    } catch (err) {
      this.#reading = { value: this.#reading?.value ?? 0, at }
      this.#onFailed(err)
    } finally {
      this.#refreshing = undefined
    }
  }
}
