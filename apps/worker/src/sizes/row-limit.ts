import { maxMicroBatchMs, planRowLimit, toleratedMicroBatchMs } from './plan-row-limit.ts'
import type { RowLimitPlan } from './plan-row-limit.ts'
import type { TimesBySize } from './times-by-size.ts'

/** Larger micro-batches are tried again when full ones compute for so much less than they did since the last change. */
const quicker = 0.75
/** And after so many full ones in any case, doubled with every time that the limit had to shrink. */
const patience = { first: 8, last: 256 }

/** What keeps it from being more. */
export type RowLimitBound = RowLimitPlan['boundBy'] | 'timeout'

type Options = {
  /** of the version's runs, up to date when `ran` is called */
  times: Pick<TimesBySize, 'list' | 'expect' | 'forgetAbove'>
  /** the most that `model.yaml` and the model allow */
  maxRows: number
  /** why that is as few as it is; null where the model allows more */
  maxRowsReason: string | null
  /** the limit is another one now */
  onChanged?: () => void
}

/**
 * How many rows may run together at present. It follows what runs were measured to take:
 *
 *   a full micro-batch would compute for less than 100 ms ▶ it grows, to at most twice what was tried
 *   it computes for more than 125 ms ────────────────────▶ it shrinks
 *   it runs past `timeout_s` ────────────────────────────▶ it is halved, and grows by a row with each full one
 *
 * What is known of larger micro-batches than those that run gets old: it may have been measured while the machine was
 * busy. So it is forgotten when the machine seems to be quicker, and from time to time, and they are tried anew.
 */
export class RowLimit {
  readonly #options: Options
  #maxRows: number
  #maxRowsReason: string | null
  #plan: RowLimitPlan
  /** lowered by runs past the time limit */
  #cap: number
  /** since larger ones were tried, or the limit shrank */
  #fullRuns = 0
  #patience = patience.first
  /** the most that full ones were expected to compute since the limit changed */
  #slowestMs: number

  constructor(options: Options) {
    this.#options = options
    this.#maxRows = options.maxRows
    this.#maxRowsReason = options.maxRowsReason
    this.#plan = planRowLimit({ times: options.times.list(), maxRows: options.maxRows })
    this.#cap = options.maxRows
    this.#slowestMs = this.#fullMs
  }

  get rows() {
    return Math.min(this.#plan.rows, this.#cap)
  }

  get boundBy(): RowLimitBound {
    return this.#cap < this.#plan.rows ? 'timeout' : this.#plan.boundBy
  }

  /** Why it is not more, as a sentence. */
  get reason() {
    switch (this.boundBy) {
      case 'max_rows':
        return this.#maxRowsReason ?? 'batching.max_rows allows no more'
      case 'time':
        return `${this.#describeTime()}, and a micro-batch is to take about ${maxMicroBatchMs} ms at the most`
      case 'untried':
        return `${this.#describeTime()}; what more of them take is tried by doubling`
      case 'timeout':
        return 'a run went past timeout_s: one row more is let in with each full micro-batch'
    }
  }

  /** A run of so many rows was measured. */
  ran(rows: number) {
    this.#change(() => {
      if (rows >= this.rows) this.#ranFull()
      this.#follow()
    })
  }

  /** More rows may share a run than was known before, or why they must not is known. */
  allow(maxRows: number, reason: string | null) {
    this.#maxRows = maxRows
    this.#maxRowsReason = reason
    this.#cap = maxRows
    this.#follow()
    this.#slowestMs = this.#fullMs
    this.#options.onChanged?.()
  }

  timedOut() {
    this.#change(() => {
      this.#cap = Math.max(1, Math.floor(this.rows / 2))
    })
  }

  /** What a full micro-batch is expected to compute. */
  get #fullMs() {
    return this.#options.times.expect(this.rows).computeMs
  }

  #describeTime() {
    const { rows } = this
    return `${rows === 1 ? 'a row takes' : `${rows} rows take`} ${Math.round(this.#fullMs)} ms`
  }

  #ranFull() {
    const { times } = this.#options
    this.#cap = Math.min(this.#cap + 1, this.#maxRows)
    this.#fullRuns += 1
    this.#slowestMs = Math.max(this.#slowestMs, this.#fullMs)
    if (this.#fullRuns < this.#patience && this.#fullMs > quicker * this.#slowestMs) return
    this.#fullRuns = 0
    this.#slowestMs = this.#fullMs
    times.forgetAbove(this.rows)
  }

  #follow() {
    const { times } = this.#options
    const plan = planRowLimit({ times: times.list(), maxRows: this.#maxRows })
    const isTooLong = times.expect(this.#plan.rows).computeMs > toleratedMicroBatchMs
    if (plan.rows > this.#plan.rows) this.#plan = plan
    else if (plan.rows < this.#plan.rows && isTooLong) {
      this.#plan = plan
      this.#fullRuns = 0
      this.#patience = Math.min(2 * this.#patience, patience.last)
    }
  }

  #change(change: () => void) {
    const before = this.rows
    change()
    if (this.rows === before) return
    this.#slowestMs = this.#fullMs
    this.#options.onChanged?.()
  }
}
