import type { Row, Work } from './work.ts'

export type Lane = 'interactive' | 'batch'

/**
 * Rows that wait for an executor. Rows are what is counted, not predictions.
 *
 * Each lane is a ring: a micro-batch takes one row of a prediction at a time, oldest first, so that a large prediction
 * never holds up a small one. Rows of the batch lane fill what interactive rows leave.
 */
export class Batcher {
  readonly #lanes: Record<Lane, Work[]> = { interactive: [], batch: [] }
  /** taken before, and put back before they ran: they come first */
  #back: Row[] = []
  #waiting = 0

  /** Rows that wait, those of dropped predictions included until they are passed over. */
  get size() {
    return this.#waiting
  }

  add(work: Work, lane: Lane) {
    this.#lanes[lane].push(work)
    this.#waiting += work.rows.length
  }

  /** Rows that were taken, and have not run though they are not to blame. */
  putBack(rows: Row[]) {
    this.#back.push(...rows)
    this.#waiting += rows.length
  }

  /** Takes up to `maxRows` rows, none of predictions that were dropped. */
  take(maxRows: number): Row[] {
    const taken = this.#takeBack(maxRows)
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

  #takeBack(maxRows: number) {
    const taken: Row[] = []
    while (taken.length < maxRows) {
      const row = this.#back.shift()
      if (!row) break
      this.#waiting -= 1
      if (!row.work.dropped) taken.push(row)
    }
    return taken
  }
}
