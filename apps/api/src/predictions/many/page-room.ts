import { toJsonParts } from '@onqueue/shared'
import type { PredictionRecord } from '@onqueue/shared'
import { bytesOfParts } from '../../http/answers/json-stream.ts'

/** Of what may be long of its predictions, but for the first one. */
export const maxPageBytes = 1024 * 1024

/**
 * The room of a page, which predictions take in order until one finds too little; the first finds it in any case. What counts is
 * all that may be long of a prediction: input and output, also where they are stored elsewhere, metadata, and the errors of rows.
 */
export class PageRoom {
  #bytes = 0
  #taken = 0
  #isFull = false

  /** Also of those that found no room. */
  get bytes() {
    return this.#bytes
  }

  get taken() {
    return this.#taken
  }

  /** One found too little room, and so does whatever comes behind it. */
  get isFull() {
    return this.#isFull
  }

  /** Whether there was room for it, which is taken now. */
  take({ input, outcome, job }: PredictionRecord): boolean {
    this.#bytes += [input, outcome?.output, outcome?.error, job.metadata].reduce<number>(
      (sum, value) => sum + bytesOf(value),
      0,
    )
    this.#isFull = this.#taken > 0 && this.#bytes > maxPageBytes
    if (!this.#isFull) this.#taken++
    return !this.#isFull
  }
}

const bytesOf = (value: unknown) => (value == null ? 0 : bytesOfParts(toJsonParts(value)))
