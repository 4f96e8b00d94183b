import type { RowOutcome } from './row-outcome.ts'

export type RunReport = { results: RowOutcome[]; predictMs: number; batchSize: number }
export type RunEnd =
  | { kind: 'finished'; report: RunReport }
  | { kind: 'dropped'; hasRun: boolean }
  /** it is to run again, here or elsewhere */
  | { kind: 'returned' }

/** One row of a prediction. */
export type Row = { readonly work: Work; readonly index: number }

/**
 * A prediction in a worker's hands: its rows, and the results so far. It ends once: finished with its last row, dropped,
 * or returned to the queue.
 */
export class Work {
  readonly id: string
  readonly rows: readonly unknown[]
  /** until when it need not be looked at whether it is final, in ms of `performance.now()` */
  freshUntil: number
  /** Resolves, never rejects, with how it ended. */
  readonly ended: Promise<RunEnd>
  /** index of the next row that was not taken into a micro-batch */
  nextRow = 0
  /** a row of it runs, or has run */
  hasRun = false
  /** set when it ended otherwise, or went back to the queue: its rows are not taken any more */
  dropped = false
  readonly #end: (end: RunEnd) => void
  readonly #results: (RowOutcome | undefined)[]
  /** rows that have no result yet */
  #unfinished: number
  /** time in the micro-batches that its rows were in */
  #predictMs = 0
  /** rows in the largest micro-batch that it was part of */
  #batchSize = 0

  /** Aborting the signal drops it. */
  constructor({
    id,
    rows,
    freshUntil = 0,
    signal,
  }: {
    id: string
    rows: readonly unknown[]
    freshUntil?: number
    signal: AbortSignal
  }) {
    this.id = id
    this.rows = rows
    this.freshUntil = freshUntil
    this.#results = rows.map(() => undefined)
    this.#unfinished = rows.length
    const { promise, resolve } = Promise.withResolvers<RunEnd>()
    this.ended = promise
    const onAbort = () => this.drop()
    signal.addEventListener('abort', onAbort)
    this.#end = (end) => {
      signal.removeEventListener('abort', onAbort)
      resolve(end)
    }
  }

  /** It need not be looked at for so long. */
  stayFresh(ms: number) {
    this.freshUntil = performance.now() + ms
  }

  /** A micro-batch of `batchSize` rows, some of them its own, took `runMs`. */
  ranIn({ batchSize, runMs }: { batchSize: number; runMs: number }) {
    this.#predictMs += runMs
    this.#batchSize = Math.max(this.#batchSize, batchSize)
  }

  /** Takes the outcome of one row, which comes once for each. */
  finishRow(index: number, outcome: RowOutcome) {
    this.#results[index] = outcome
    this.#unfinished -= 1
    if (this.#unfinished > 0) return
    const results = this.#results.flatMap((result) => (result ? [result] : []))
    this.#end({
      kind: 'finished',
      report: { results, predictMs: this.#predictMs, batchSize: this.#batchSize },
    })
  }

  /** Ends it without a report: nobody wants one any more, or there is an outcome already. */
  drop() {
    this.dropped = true
    this.#end({ kind: 'dropped', hasRun: this.hasRun })
  }

  returnToQueue() {
    this.dropped = true
    this.#end({ kind: 'returned' })
  }
}
