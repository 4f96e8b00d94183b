import { InvalidFile } from '@onqueue/shared/rows'

/** Bounds what the pages that are decoded at a time, one of each column, may take together. */
export class HeldMemory {
  readonly #maxBytes: number
  readonly #byColumn = new Map<string, number>()

  constructor(maxBytes = 536_870_912) {
    this.#maxBytes = maxBytes
  }

  /** Notes what a column has instead of what it had. Throws `InvalidFile` where all together are too much. */
  hold(column: string, bytes: number) {
    this.#byColumn.set(column, bytes)
    const sum = this.#byColumn.values().reduce((total, one) => total + one, 0)
    if (sum <= this.#maxBytes) return
    throw new InvalidFile(
      `its pages are too large to be read: one of each column takes more than ${this.#maxBytes} bytes, "${column}" with it; write the file with row_group_size=100000`,
    )
  }
}
