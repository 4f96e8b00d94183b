import { Batcher, toPieces } from './batcher.ts'
import type { Lane } from './batcher.ts'
import type { DropFinal } from './drop-final.ts'
import type { ExecutorSupervisor } from '../supervision/executor-supervisor.ts'
import { RunFailed } from '../executor/run-failed.ts'
import type { RunTime } from '../executor/stopwatch.ts'
import { ExecutorDied } from '../supervision/executor-died.ts'
import type { Executor } from '../supervision/executor.ts'
import { failedRow } from './row-outcome.ts'
import type { RowLimit } from '../sizes/row-limit.ts'
import type { RowOutcome } from './row-outcome.ts'
import type { RunWatch } from './run-watch.ts'
import type { ExpectRun, Run, Schedule, Slot, Suspect } from './schedule.ts'
import { Schedules } from './schedules.ts'
import type { Row, Work } from './work.ts'

type Options = {
  supervisor: Pick<ExecutorSupervisor, 'onRestarted' | 'rowConvicted' | 'giveUp'> & {
    readonly slots: readonly Slot[]
  }
  /** how many rows may run together at present */
  rowLimit: Pick<RowLimit, 'rows' | 'timedOut'>
  /** how long a micro-batch that is not full waits for rows that are on their way */
  maxWaitMs: number
  dropFinal: DropFinal
  /** true while more rows are known to be on their way */
  isExpectingRows: () => boolean
  expectRun: ExpectRun
  onMicroBatchRan: (rows: number, time: RunTime) => void
  /** watches a run of these in an executor of the slot, from its turn to its end */
  watchRun: (slot: Slot, works: ReadonlySet<Work>) => Pick<RunWatch, 'begin' | 'end'>
}

/**
 * Decides which rows run when, together with which others and in which executor of a model version.
 *
 * What can happen to a micro-batch, and what follows:
 *
 *   answered ─────────────▶ every row has its own result or its own error
 *   ONNX Runtime threw ───▶ its halves run next, each apart from other rows, and so on: of 64 rows the one that fails is found
 *                           in 12 runs
 *   executor died or hung ▶ its rows become suspects; those that waited behind it run in the next executor
 *   stopped, as abandoned ▶ nobody waits for its rows; those that waited behind it run in the next executor
 *
 * Suspects run alone, one after the other, with nothing else in flight in their executor. One that ends its executor is guilty
 * when it has done so *twice alone*: the first time may have been a kill from outside. A row on which ONNX Runtime throws when
 * it is the only one is guilty of that. Only the guilty fail.
 *
 * The rows of a prediction whose worker was lost run apart from others, and before them: each further loss counts against it.
 */
export class Scheduler {
  readonly #options: Options
  readonly #schedules: Schedules
  readonly #batcher = new Batcher()
  #waitTimer: NodeJS.Timeout | undefined
  #hasWaited = false
  #closed = false

  constructor(options: Options) {
    const { supervisor, expectRun } = options
    this.#options = options
    this.#schedules = new Schedules({ supervisor, expectRun, onRoom: () => this.#pump() })
    supervisor.onRestarted(() => this.#followAndPump())
  }

  /** Has its rows run, together with those of others. */
  add(work: Work, lane: Lane) {
    this.#batcher.add(work, lane)
    this.#pump()
  }

  /** Has its rows run apart from those of others, and before them. */
  addApart(work: Work) {
    this.#batcher.addPieces(toPieces(work, this.#rowLimit), 'last')
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
    this.#schedules.close()
  }

  get #rowLimit() {
    return this.#options.rowLimit.rows
  }

  #pump() {
    if (this.#closed) return
    for (const schedule of this.#schedules.list()) {
      const { executor } = schedule.slot
      if (!executor) continue
      const suspect = schedule.suspects[0]
      if (suspect) {
        if (schedule.running === 0) void this.#runAlone(schedule, executor, suspect)
        continue
      }
      while (this.#batcher.size > 0 && schedule.hasRoom() && !this.#shouldWait()) {
        const rows = this.#batcher.take(this.#rowLimit)
        if (rows.length > 0) void this.#runTogether(schedule, executor, rows)
      }
    }
  }

  /** A micro-batch waits only while it is not full and rows are known to be on their way, and only so long. */
  #shouldWait() {
    const mayGrow = !this.#batcher.isPieceNext && this.#batcher.size < this.#rowLimit
    const mayWait = mayGrow && this.#options.isExpectingRows() && !this.#hasWaited
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

  async #runTogether(schedule: Schedule, executor: Pick<Executor, 'run'>, taken: Row[]) {
    const run = schedule.take(taken.length)
    const rows = await this.#withoutFinal(taken)
    try {
      if (rows.length > 0) finishAll(rows, await this.#runRows(schedule, executor, { rows, run }))
    } catch (err) {
      if (isStopped(err)) this.#batcher.addPieces([rows], 'first')
      else if (err instanceof RunFailed) this.#runFailed(rows, err)
      else this.#schedules.accuse(rows.map((row) => ({ row, strikes: 0 })))
      if (isTimedOut(err)) this.#options.rowLimit.timedOut()
    } finally {
      schedule.end(run)
      this.#followAndPump()
    }
  }

  /** ONNX Runtime threw on some of these, which have just been looked at. */
  #runFailed(rows: Row[], err: RunFailed) {
    if (rows.length === 1) return finishAll(rows, [failedRow(err)])
    for (const { work } of rows) work.stayFresh(recentMs)
    const half = Math.ceil(rows.length / 2)
    this.#batcher.addPieces([rows.slice(0, half), rows.slice(half)], 'first')
  }

  async #runAlone(schedule: Schedule, executor: Pick<Executor, 'run'>, suspect: Suspect) {
    const run = schedule.take(1)
    const rows = await this.#withoutFinal([suspect.row])
    try {
      // it ended before it got the row, which says nothing about it
      if (schedule.slot.executor !== executor) return
      if (rows.length > 0) finishAll(rows, await this.#runRows(schedule, executor, { rows, run }))
      schedule.suspects.shift()
    } catch (err) {
      if (isStopped(err)) return
      if (err instanceof ExecutorDied) suspect.strikes += 1
      if (err instanceof ExecutorDied && suspect.strikes < 2) return
      if (err instanceof ExecutorDied) this.#options.supervisor.rowConvicted()
      schedule.suspects.shift()
      finishAll(rows, [failedRow(err)])
    } finally {
      schedule.end(run)
      this.#followAndPump()
    }
  }

  async #runRows(
    schedule: Schedule,
    executor: Pick<Executor, 'run'>,
    { rows, run }: { rows: Row[]; run: Run },
  ) {
    const works = new Set(rows.map((row) => row.work))
    const watch = this.#options.watchRun(schedule.slot, works)
    const onStart = () => {
      schedule.start(run, rows.length)
      for (const work of works) work.hasRun = true
      watch.begin()
    }
    try {
      const inputs = rows.map(({ work, index }) => work.rows[index])
      const { results, ...time } = await executor.run(inputs, onStart)
      for (const work of works) work.ranIn({ batchSize: rows.length, runMs: time.runMs })
      this.#options.onMicroBatchRan(rows.length, time)
      return results
    } finally {
      watch.end()
    }
  }

  /** The slots may be others than before, or a run has ended. */
  #followAndPump() {
    this.#schedules.follow()
    this.#pump()
  }

  async #withoutFinal(rows: Row[]) {
    await this.#options.dropFinal([...new Set(rows.map((row) => row.work))])
    return rows.filter((row) => !row.work.dropped)
  }
}

/** How long a look whether predictions are final is good for, where their rows run again. */
const recentMs = 50

const isStopped = (err: unknown) => err instanceof ExecutorDied && err.how === 'stopped'
const isTimedOut = (err: unknown) => err instanceof ExecutorDied && err.how === 'timed_out'

const finishAll = (rows: Row[], outcomes: RowOutcome[]) => {
  for (const [position, { work, index }] of rows.entries())
    work.finishRow(index, outcomes[position] ?? failedRow(new Error('the executor answered too few rows')))
}
