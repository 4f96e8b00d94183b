/** Rows of a file, the last one included. */
export type RowRange = readonly [from: number, to: number]

/** How a batch executor ended in a chunk. */
export type Death = {
  /** rows that were running: one of them may have ended it */
  rows: RowRange | undefined
  how: 'crashed' | 'killed' | 'timed_out'
}

export type ConvictionCode = 'executor_crashed' | 'timed_out'
/** `deaths`: that it explains, since the conviction before. */
export type Conviction = { row: number; code: ConvictionCode; deaths: number }

/** So many deaths that no row explains are enough. */
const mostUnexplained = 4
/** Rows that only end it together run alone after so many tries. */
const mostAcquittals = 3

/**
 * Finds the rows of a chunk that end their executor, by how often it dies and where.
 *
 *     dies in a micro-batch ──▶ its rows are suspects: they run one by one ──▶ dies in one ──▶ once more ──▶ convicted
 *            ▲                                                  │
 *            └───────────── to the end: acquitted ──────────────┘
 *
 * So a row costs three restarts. A row has to do it twice alone, for a signal from outside may meet an innocent one. That of the
 * system where memory is short, or of an operator, is mostly the fault of none: after the first such nobody is suspected yet, and
 * the micro-batches stay whole. Who was suspected runs with the others again in the end, so that all give the same bytes.
 */
export class Suspicion {
  readonly convicted = new Map<number, ConvictionCode>()
  /** how often each has ended it alone */
  readonly #alone = new Map<number, number>()
  #careful: RowRange | undefined
  /** deaths of rows that run together or alone, since a row was convicted */
  #suspect = 0
  #unexplained = 0
  #acquittals = 0

  constructor(convicted: ReadonlyMap<number, ConvictionCode>) {
    this.convicted = new Map(convicted)
  }

  /** Rows that are to run one by one. */
  get careful() {
    return this.#careful
  }

  /** It dies, and not of its rows. */
  get isHopeless() {
    return this.#unexplained >= mostUnexplained
  }

  /** Returns the row that is guilty, if one is now. */
  executorDied({ rows, how }: Death): Conviction | undefined {
    if (!rows || (how === 'killed' && this.#unexplained === 0)) {
      this.#unexplained += 1
      return undefined
    }
    this.#suspect += 1
    const [from, to] = rows
    // never less than before: two micro-batches would accuse each other for ever
    const [first, last] = this.#careful ?? rows
    this.#careful = [Math.min(first, from), Math.max(last, to)]
    if (from !== to) return undefined
    const times = (this.#alone.get(from) ?? 0) + 1
    this.#alone.set(from, times)
    if (times < 2) return undefined
    const code = how === 'timed_out' ? 'timed_out' : 'executor_crashed'
    this.convicted.set(from, code)
    const deaths = this.#suspect
    this.#suspect = 0
    return { row: from, code, deaths }
  }

  /**
   * All suspects ran alone, and those that are left did not end it. True where the chunk is to be scored once more with whole
   * micro-batches: rows that run alone differ in the last digits, and what befell an executor may not change bytes.
   */
  acquit(): boolean {
    if (!this.#careful || this.#acquittals === mostAcquittals) return false
    this.#acquittals += 1
    this.#careful = undefined
    return true
  }
}
