/** What a job weighs: that of one prediction, or of a pack. */
type Weight = { predictions: number; rows: number; bytes: number }

/**
 * BullMQ hands nothing over until it has fetched as many as its concurrency allows, one after the other. So it may only
 * be this many ahead: with 512, the first of a burst of 512 waited for 140 ms instead of 14.
 */
const maxAhead = 16
const maxBytes = 64 * 1024 * 1024

/**
 * The jobs that a worker has taken and not finished, by what they weigh. BullMQ bounds jobs; what has to be bounded is rows
 * and bytes.
 *
 *   fetched ──▶ started ──▶ completing ──▶ completed
 *                  └──────▶ removed, when it goes back to the queue
 *
 * One that is completing has left, and BullMQ still counts it: with its completion it fetches another in exchange, until
 * the queue is drained.
 */
export class InFlight {
  readonly #maxRows: () => number
  readonly #weights = new Map<string, Weight>()
  /** fetched by BullMQ and not started yet */
  readonly #ahead = new Set<string>()
  #rows = 0
  #bytes = 0
  /** of the latest job: the next one is taken to be like it */
  #latest: Weight = { predictions: 1, rows: 1, bytes: 1 }
  #completing = 0
  #isDrained = true

  /** `maxRows` may change from one call to the next. */
  constructor(maxRows: () => number) {
    this.#maxRows = maxRows
  }

  /** Those of all the jobs. */
  get predictions() {
    let count = 0
    for (const { predictions } of this.#weights.values()) count += predictions
    return count
  }

  /** True while BullMQ has predictions that it will hand over in a moment. */
  get isAnyAhead() {
    return this.#ahead.size > 0
  }

  /** True while finished predictions are being exchanged for waiting ones. */
  get isExchanging() {
    return this.#completing > 0 && !this.#isDrained
  }

  /** Fetched, which may be long before it is started. What is no prediction is none of ours: BullMQ fails it by itself. */
  fetched(id: string, weight: Weight | undefined) {
    this.#isDrained = false
    if (!weight) return
    // an array takes at most half of the room, so that small predictions have some beside a large one
    const rows = Math.max(1, Math.min(weight.rows, Math.floor(this.#maxRows() / 2)))
    this.remove(id)
    this.#latest = { ...weight, rows, bytes: Math.max(1, weight.bytes) }
    this.#weights.set(id, this.#latest)
    this.#ahead.add(id)
    this.#rows += this.#latest.rows
    this.#bytes += this.#latest.bytes
  }

  started(id: string) {
    this.#ahead.delete(id)
  }

  /** It has an outcome. */
  completes(id: string) {
    this.#completing += 1
    this.remove(id)
  }

  completed() {
    this.#completing = Math.max(0, this.#completing - 1)
  }

  /** The queue has nothing more. */
  drained() {
    this.#isDrained = true
    this.#completing = 0
  }

  remove(id: string) {
    this.#ahead.delete(id)
    const weight = this.#weights.get(id)
    if (!weight) return
    this.#weights.delete(id)
    this.#rows -= weight.rows
    this.#bytes -= weight.bytes
  }

  /** BullMQ's concurrency for now. */
  get concurrency() {
    const room = Math.floor(
      Math.min(
        (this.#maxRows() - this.#rows) / this.#latest.rows,
        (maxBytes - this.#bytes) / this.#latest.bytes,
      ),
    )
    const mayFetch = Math.min(room, maxAhead + this.#completing - this.#ahead.size)
    return Math.max(1, this.#weights.size + Math.max(0, mayFetch))
  }
}
