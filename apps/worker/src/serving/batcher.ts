import type { RowOutcome } from './row-outcome.ts'

export type Lane = 'interactive' | 'batch'

/** A prediction in a worker's hands: its rows, and the results so far. */
export type Work = {
  readonly id: string
  readonly rows: readonly unknown[]
  readonly results: (RowOutcome | undefined)[]
  /** rows that have no result yet */
  unfinished: number
  /** index of the next row that was not taken into a micro-batch */
  nextRow: number
  /** a row of it runs, or has run */
  hasRun: boolean
  /** set when it ended otherwise, or went back to the queue: its rows are not taken any more */
  dropped: boolean
  /** time in the micro-batches that its rows were in */
  predictMs: number
  /** rows in the largest micro-batch that it was part of */
  batchSize: number
}

/** One row of a prediction. */
export type Row = { readonly work: Work; readonly index: number }

/**
 * Rows that wait for an executor. Rows are what is counted, not predictions.
 *
 * Each lane is a ring: a micro-batch takes one row of a prediction at a time, oldest first, so that a large prediction
 * never holds up a small one. Rows of the batch lane fill what interactive rows leave.
 */
export class Batcher {
  readonly #lanes: Record<Lane, Work[]> = { interactive: [], batch: [] }
  #waiting = 0

  /** Rows that wait, those of dropped predictions included until they are passed over. */
  get size() {
    return this.#waiting
  }

  add(work: Work, lane: Lane) {
    this.#lanes[lane].push(work)
    this.#waiting += work.rows.length
  }

  /** Takes up to `maxRows` rows, none of predictions that were dropped. */
  take(maxRows: number): Row[] {
    const taken: Row[] = []
    for (const lane of [this.#lanes.interactive, this.#lanes.batch]) {
      while (taken.length < maxRows) {
        const work = lane.shift()
        if (!work) break
        if (work.dropped) {
          this.#waiting -= work.rows.length - work.nextRow
          continue
        }
        taken.push({ work, index: work.nextRow })
        work.nextRow += 1
        this.#waiting -= 1
        if (work.nextRow < work.rows.length) lane.push(work)
      }
    }
    return taken
  }
}
