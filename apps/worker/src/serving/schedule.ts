import type { ExecutorSlot } from '../supervision/executor-slot.ts'
import type { Executor } from '../supervision/executor.ts'
import { msUntilAhead, planAhead } from './plan-ahead.ts'
import type { Ahead } from './plan-ahead.ts'
import type { SizeTime } from '../sizes/times-by-size.ts'
import type { Row } from './work.ts'

/** What is needed of the place of an executor, and of the executor in it. */
export type Slot = Pick<ExecutorSlot, 'replace' | 'giveUp' | 'close'> & {
  readonly executor: Pick<Executor, 'run'> | undefined
}

/** A row that runs with nothing else in flight in its executor. */
export type Suspect = { row: Row; strikes: number }

/** A micro-batch on its way to an executor, or in it. */
export type Run = {
  /** when its turn came, in ms of `performance.now()`, or until then when it was taken */
  since: number
  /** when another one may be sent behind it */
  ahead: Ahead | undefined
}

/** What a run of so many rows is expected to take. */
export type ExpectRun = (rows: number) => Pick<SizeTime, 'runMs' | 'deviationMs'>

type Options = {
  slot: Slot
  expectRun: ExpectRun
  /** there may be room now, which there was not when it was asked for */
  onRoom: () => void
}

/** Micro-batches in flight in one executor: the second hides the way to and from the process. */
const inFlightPerExecutor = 2

/** What one executor has to do, and when it may be sent more. */
export class Schedule {
  readonly suspects: Suspect[] = []
  readonly #options: Options
  /** in the order in which they were taken */
  readonly #runs: Run[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(options: Options) {
    this.#options = options
  }

  get slot() {
    return this.#options.slot
  }

  /** Micro-batches in flight. */
  get running() {
    return this.#runs.length
  }

  /** Whether it may be sent a micro-batch now. Where it may be later, while the one that runs goes on, `onRoom` tells. */
  hasRoom() {
    const [current] = this.#runs
    if (!current) return true
    if (this.running >= inFlightPerExecutor) return false
    const waitMs = msUntilAhead(current.ahead, performance.now() - current.since)
    if (waitMs === undefined || waitMs === 0) return waitMs === 0
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#options.onRoom, waitMs)
    return false
  }

  /** So many rows were taken for it. */
  take(rows: number): Run {
    const run = this.#newRun(rows)
    this.#runs.push(run)
    return run
  }

  /** It is the turn of a run, of so many rows after all. */
  start(run: Run, rows: number) {
    Object.assign(run, this.#newRun(rows))
  }

  end(run: Run) {
    this.#runs.splice(this.#runs.indexOf(run), 1)
    clearTimeout(this.#timer)
  }

  close() {
    clearTimeout(this.#timer)
  }

  #newRun(rows: number): Run {
    return { since: performance.now(), ahead: planAhead(this.#options.expectRun(rows)) }
  }
}
