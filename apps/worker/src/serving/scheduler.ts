import { Batcher } from './batcher.ts'
import type { Lane } from './batcher.ts'
import type { DropFinal } from './drop-final.ts'
import type { ExecutorSlot } from '../supervision/executor-slot.ts'
import type { ExecutorSupervisor } from '../supervision/executor-supervisor.ts'
import { RunFailed } from '../executor/run-failed.ts'
import { ExecutorDied } from '../supervision/executor-died.ts'
import type { Executor } from '../supervision/executor.ts'
import { failedRow } from './row-outcome.ts'
import type { RowOutcome } from './row-outcome.ts'
import type { RunWatch } from './run-watch.ts'
import type { Row, Work } from './work.ts'

type Options = {
  supervisor: ExecutorSupervisor
  /** the most rows that may run together */
  maxRows: number
  /** how long a micro-batch that is not full waits for rows that are on their way */
  maxWaitMs: number
  dropFinal: DropFinal
  /** true while more rows are known to be on their way */
  isExpectingRows: () => boolean
  onMicroBatchRan: (rows: number, runMs: number) => void
  /** watches a run of these in an executor of the slot, from its turn to its end */
  watchRun: (slot: ExecutorSlot, works: ReadonlySet<Work>) => Pick<RunWatch, 'begin' | 'end'>
}

type Suspect = { row: Row; strikes: number }
/** What one executor has to do. */
type Schedule = {
  slot: ExecutorSlot
  /** micro-batches in flight */
  running: number
  /** when the one that runs was begun, in ms of `performance.now()` */
  since: number
  suspects: Suspect[]
}

/** Micro-batches in flight in one executor: the second hides the way to and from the process. */
const inFlightPerExecutor = 2
/** Behind a run that takes longer than this the way is not worth hiding: rows that wait here can still be canceled. */
const shortRunMs = 20

/**
 * Decides which rows run when, together with which others and in which executor of a model version.
 *
 * What can happen to a micro-batch, and what follows:
 *
 *   answered ─────────────▶ every row has its own result or its own error
 *   ONNX Runtime threw ───▶ its rows become suspects
 *   executor died or hung ▶ all rows in flight in it become suspects; its supervisor starts another
 *   stopped, as abandoned ▶ nobody waits for its rows; those that waited behind it run in the next executor
 *
 * Suspects run alone, one after the other, with nothing else in flight in their executor. A suspect on which ONNX
 * Runtime throws is guilty of that. One that ends its executor is guilty when it has done so *twice alone*: the first
 * time may have been a kill from outside. Only the guilty fail.
 */
export class Scheduler {
  readonly #options: Options
  readonly #schedules: Schedule[]
  readonly #batcher = new Batcher()
  /** rows that may run together at present; halved when a run took too long */
  #rowLimit: number
  #lastRunMs = 0
  #waitTimer: NodeJS.Timeout | undefined
  #hasWaited = false
  #closed = false

  constructor(options: Options) {
    const { supervisor, maxRows } = options
    this.#options = options
    this.#rowLimit = maxRows
    this.#schedules = supervisor.slots.map((slot) => ({ slot, running: 0, since: 0, suspects: [] }))
    supervisor.onRestarted(() => this.#pump())
  }

  /** Has its rows run, together with those of others. */
  add(work: Work, lane: Lane) {
    this.#batcher.add(work, lane)
    this.#pump()
  }

  /** Has its rows run, each alone. */
  addAlone(work: Work) {
    this.#accuse(work.rows.map((_, index) => ({ work, index })))
    this.#pump()
  }

  /** More rows came, or are not expected any more. */
  expectationChanged() {
    if (this.#waitTimer) this.#pump()
  }

  /** Sends no more rows. What is in flight goes on. */
  close() {
    this.#closed = true
    clearTimeout(this.#waitTimer)
  }

  #pump() {
    if (this.#closed) return
    // the executor with the least to do comes first
    for (const schedule of this.#schedules.toSorted((a, b) => a.running - b.running)) {
      const { executor } = schedule.slot
      if (!executor) continue
      const suspect = schedule.suspects[0]
      if (suspect) {
        if (schedule.running === 0) void this.#runAlone(schedule, executor, suspect)
        continue
      }
      while (this.#hasRoom(schedule) && this.#batcher.size > 0 && !this.#shouldWait()) {
        const rows = this.#batcher.take(this.#rowLimit)
        if (rows.length > 0) void this.#runTogether(schedule, executor, rows)
      }
    }
  }

  #hasRoom({ running, since }: Schedule) {
    if (running === 0) return true
    const isShort = this.#lastRunMs <= shortRunMs && performance.now() - since <= shortRunMs
    return running < inFlightPerExecutor && isShort
  }

  /** A micro-batch waits only while it is not full and rows are known to be on their way, and only so long. */
  #shouldWait() {
    const mayWait = this.#batcher.size < this.#rowLimit && this.#options.isExpectingRows() && !this.#hasWaited
    if (!mayWait) {
      clearTimeout(this.#waitTimer)
      this.#waitTimer = undefined
      this.#hasWaited = false
      return false
    }
    this.#waitTimer ??= setTimeout(() => {
      this.#waitTimer = undefined
      this.#hasWaited = true
      this.#pump()
    }, this.#options.maxWaitMs)
    return true
  }

  async #runTogether(schedule: Schedule, executor: Executor, taken: Row[]) {
    if (schedule.running === 0) schedule.since = performance.now()
    schedule.running += 1
    const rows = await this.#withoutFinal(taken)
    try {
      if (rows.length > 0) finishAll(rows, await this.#runRows(schedule, executor, rows))
      if (rows.length === this.#rowLimit) this.#rowLimit = Math.min(this.#rowLimit + 1, this.#options.maxRows)
    } catch (err) {
      if (isStopped(err)) this.#batcher.putBack(rows)
      else if (err instanceof RunFailed && rows.length === 1) finishAll(rows, [failedRow(err)])
      else this.#accuse(rows)
      if (err instanceof ExecutorDied && err.how === 'timed_out') {
        this.#rowLimit = Math.max(1, Math.floor(this.#rowLimit / 2))
      }
    } finally {
      schedule.since = performance.now()
      schedule.running -= 1
      this.#pump()
    }
  }

  async #runAlone(schedule: Schedule, executor: Executor, suspect: Suspect) {
    schedule.running += 1
    const rows = await this.#withoutFinal([suspect.row])
    try {
      // it ended before it got the row, which says nothing about the row
      if (schedule.slot.executor !== executor) return
      if (rows.length > 0) finishAll(rows, await this.#runRows(schedule, executor, rows))
      schedule.suspects.shift()
    } catch (err) {
      if (isStopped(err)) return
      if (err instanceof ExecutorDied) suspect.strikes += 1
      if (err instanceof ExecutorDied && suspect.strikes < 2) return
      if (err instanceof ExecutorDied) this.#options.supervisor.rowConvicted()
      schedule.suspects.shift()
      finishAll(rows, [failedRow(err)])
    } finally {
      schedule.running -= 1
      this.#pump()
    }
  }

  async #runRows({ slot }: Schedule, executor: Executor, rows: Row[]) {
    const works = new Set(rows.map((row) => row.work))
    const watch = this.#options.watchRun(slot, works)
    const onStart = () => {
      for (const work of works) work.hasRun = true
      watch.begin()
    }
    try {
      const inputs = rows.map(({ work, index }) => work.rows[index])
      const { results, runMs } = await executor.run(inputs, onStart)
      for (const work of works) work.ranIn({ batchSize: rows.length, runMs })
      this.#lastRunMs = runMs
      this.#options.onMicroBatchRan(rows.length, runMs)
      return results
    } finally {
      watch.end()
    }
  }

  async #withoutFinal(rows: Row[]) {
    await this.#options.dropFinal([...new Set(rows.map((row) => row.work))])
    return rows.filter((row) => !row.work.dropped)
  }

  #accuse(rows: Row[]) {
    const schedule = this.#schedules.toSorted((a, b) => a.suspects.length - b.suspects.length)[0]
    schedule?.suspects.push(...rows.map((row) => ({ row, strikes: 0 })))
  }
}

const isStopped = (err: unknown) => err instanceof ExecutorDied && err.how === 'stopped'

const finishAll = (rows: Row[], outcomes: RowOutcome[]) => {
  for (const [position, { work, index }] of rows.entries())
    work.finishRow(index, outcomes[position] ?? failedRow(new Error('the executor answered too few rows')))
}
