import type { PredictionJobData } from '@onqueue/shared'

type Weight = { rows: number; bytes: number }

/**
 * BullMQ hands nothing over until it has fetched as many as its concurrency allows, one after the other. So it may only
 * be this many ahead: with 512, the first of a burst of 512 waited for 140 ms instead of 14.
 */
export const fetchAhead = 16
const mostBytes = 64 * 1024 * 1024

/**
 * The predictions that a worker has taken and not finished, by what they weigh. BullMQ bounds jobs; what has to be
 * bounded is rows and bytes.
 */
export class Hand {
  readonly #mostRows: number
  readonly #weights = new Map<string, Weight>()
  /** fetched by BullMQ and not handed over yet */
  readonly #ahead = new Set<string>()
  #rows = 0
  #bytes = 0
  /** of the latest prediction: the next one is taken to be like it */
  #latest: Weight = { rows: 1, bytes: 1 }

  constructor(mostRows: number) {
    this.#mostRows = mostRows
  }

  get size() {
    return this.#weights.size
  }

  /** True while BullMQ has predictions that it will hand over in a moment. */
  get isAnyAhead() {
    return this.#ahead.size > 0
  }

  /** A prediction was fetched, which may be long before it is handed over. */
  fetched(id: string, { arrayLength, inputBytes }: Pick<PredictionJobData, 'arrayLength' | 'inputBytes'>) {
    // an array is at most half of the hand, so that small predictions have room beside a large one
    const rows = Math.max(1, Math.min(arrayLength ?? 1, Math.floor(this.#mostRows / 2)))
    this.remove(id)
    this.#latest = { rows, bytes: Math.max(1, inputBytes) }
    this.#weights.set(id, this.#latest)
    this.#ahead.add(id)
    this.#rows += this.#latest.rows
    this.#bytes += this.#latest.bytes
  }

  handedOver(id: string) {
    this.#ahead.delete(id)
  }

  remove(id: string) {
    const weight = this.#weights.get(id)
    if (!weight) return
    this.#weights.delete(id)
    this.#rows -= weight.rows
    this.#bytes -= weight.bytes
  }

  /** BullMQ's concurrency for now. `completing` predictions left the hand and still count as BullMQ's. */
  concurrency(completing: number) {
    const room = Math.floor(
      Math.min(
        (this.#mostRows - this.#rows) / this.#latest.rows,
        (mostBytes - this.#bytes) / this.#latest.bytes,
      ),
    )
    const mayFetch = Math.min(room, fetchAhead + completing - this.#ahead.size)
    return Math.max(1, this.size + Math.max(0, mayFetch))
  }
}
