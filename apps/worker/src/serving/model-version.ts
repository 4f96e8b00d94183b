import type { Logger } from '@onqueue/shared'
import type { ModelDefinition } from '../models/model-definition.ts'
import type { VersionDescription } from '../executor/protocol.ts'
import { Batcher } from './batcher.ts'
import type { Lane, Row, Work } from './batcher.ts'
import { Executor, ExecutorDied, RunFailed } from './executor.ts'
import { planHand, planInstances } from './hand-size.ts'
import { healthWindowMs, isUnhealthy, restartDelayMs } from './restart-delay.ts'
import type { RowOutcome } from './row-outcome.ts'

/**
 * One model version in this worker: rows come in, and leave in micro-batches through its executors.
 *
 * What can happen to a micro-batch, and what follows:
 *
 *   answered ─────────────▶ every row has its own result or its own error
 *   ONNX Runtime threw ───▶ its rows become suspects
 *   executor died or hung ▶ all rows in flight in it become suspects; the executor is started again
 *
 * Suspects run alone, one after the other, with nothing else in flight in their executor. A suspect on which ONNX
 * Runtime throws is guilty of that. One that ends its executor is guilty when it has done so *twice alone*: the first
 * time may have been a kill from outside. Only the guilty fail.
 */
export type RunReport = { results: RowOutcome[]; predictMs: number; batchSize: number }
export type RunEnd =
  { kind: 'finished'; report: RunReport } | { kind: 'dropped'; hasRun: boolean } | { kind: 'given-back' }

/** What a model version tells of itself while it works. */
type ServingEvents = {
  microBatchRan(rows: number, runMs: number): void
  executorDied(cause: 'crashed' | 'timed_out'): void
}

type Options = {
  definition: ModelDefinition
  cores: number
  log: Logger
  /** which of these predictions are final already, and so need not run */
  areFinal: (ids: string[]) => Promise<boolean[]>
  /** true while more rows are known to be on their way */
  isExpectingRows: () => boolean
  events: ServingEvents
  /** ends every executor, those that are still loading included */
  ending: AbortController
}

type Suspect = { row: Row; strikes: number }
type Slot = {
  executor: Executor | undefined
  /** micro-batches in flight */
  running: number
  /** when the one that runs was begun, in ms of `performance.now()` */
  since: number
  suspects: Suspect[]
  start: () => Promise<Executor>
}

/** Micro-batches in flight in one executor: the second hides the way to and from the process. */
const inFlightPerExecutor = 2
/** Behind a run that takes longer than this the way is not worth hiding: rows that wait here can still be canceled. */
const shortRunMs = 20

export class ModelVersion {
  readonly definition: ModelDefinition
  readonly description: VersionDescription
  readonly handRows: number
  readonly #options: Options
  readonly #slots: Slot[]
  readonly #batcher = new Batcher()
  readonly #ends = new Map<Work, (end: RunEnd) => void>()
  readonly #mostRows: number
  /** rows that may run together at present; halved when a run took too long */
  #rowLimit: number
  #lastRunMs = 0
  #waitTimer: NodeJS.Timeout | undefined
  #hasWaited = false
  #deaths: number[] = []
  #convictions: number[] = []
  #closed = false
  #givesBack = false
  #restarts = new Set<NodeJS.Timeout>()
  readonly #starting = new Set<Promise<void>>()

  /** Loads the version into as many executors as it should have. Rejects with `VersionRefused`. */
  static async open(options: Options): Promise<ModelVersion> {
    const { definition, cores, ending } = options
    const { settings } = definition
    const start = () =>
      Executor.start({
        definition,
        threads: settings.threads === 'auto' ? 1 : settings.threads,
        timeoutMs: settings.timeout_s * 1000,
        signal: ending.signal,
      })
    const first = await start()
    const { timing } = first.description
    const instances = settings.instances === 'auto' ? planInstances({ timing, cores }) : settings.instances
    try {
      const others = await Promise.all(Array.from({ length: instances - 1 }, start))
      return new ModelVersion(options, [first, ...others], start)
    } catch (err) {
      ending.abort()
      throw err
    }
  }

  private constructor(options: Options, executors: Executor[], start: () => Promise<Executor>) {
    this.#options = options
    this.definition = options.definition
    this.description = executors[0]?.description ?? neverEmpty()
    const { timing, batching } = this.description
    const hand = planHand({ timing, maxRows: batching.maxRows, instances: executors.length })
    this.handRows = hand.handRows
    this.#mostRows = this.#rowLimit = hand.microBatchRows
    this.#slots = executors.map((executor) => ({ executor, running: 0, since: 0, suspects: [], start }))
    for (const slot of this.#slots) this.#watch(slot)
  }

  /** False while too many rows have crashed its executors lately; rows wait meanwhile. */
  get isHealthy() {
    return !isUnhealthy(this.#recent(this.#convictions))
  }

  get executorPids() {
    return this.#slots.flatMap(({ executor }) => (executor ? [executor.pid] : []))
  }

  /**
   * Runs the rows of a prediction. `alone` is for one that may have ended a worker before. Aborting the signal drops
   * the rows that have not run.
   */
  run(options: {
    id: string
    rows: unknown[]
    lane: Lane
    alone: boolean
    signal: AbortSignal
  }): Promise<RunEnd> {
    const { id, rows, lane, alone, signal } = options
    if (this.#givesBack) return Promise.resolve({ kind: 'given-back' })
    if (signal.aborted) return Promise.resolve({ kind: 'dropped', hasRun: false })
    if (rows.length === 0) {
      return Promise.resolve({ kind: 'finished', report: { results: [], predictMs: 0, batchSize: 0 } })
    }
    const work: Work = {
      id,
      rows,
      results: rows.map(() => undefined),
      unfinished: rows.length,
      nextRow: 0,
      hasRun: false,
      dropped: false,
      predictMs: 0,
      batchSize: 0,
    }
    return new Promise((resolve) => {
      const onAbort = () => this.#end(work, { kind: 'dropped', hasRun: work.hasRun })
      this.#ends.set(work, (end) => {
        signal.removeEventListener('abort', onAbort)
        resolve(end)
      })
      signal.addEventListener('abort', onAbort)
      if (alone) this.#accuse(rows.map((_, index) => ({ work, index })))
      else this.#batcher.add(work, lane)
      this.#pump()
    })
  }

  /** More rows came, or are not expected any more. */
  expectationChanged() {
    if (this.#waitTimer) this.#pump()
  }

  /** Hands back every prediction that has not finished, and those that still come. */
  giveBack() {
    this.#givesBack = true
    for (const work of this.#ends.keys()) this.#end(work, { kind: 'given-back' })
  }

  /** Ends the executors. Predictions that have not finished are handed back. */
  async close() {
    this.#closed = true
    this.giveBack()
    clearTimeout(this.#waitTimer)
    for (const timer of this.#restarts) clearTimeout(timer)
    this.#options.ending.abort()
    await Promise.all([...this.#slots.map(({ executor }) => executor?.ended), ...this.#starting])
  }

  #pump() {
    if (this.#closed) return
    // the executor with the least to do comes first
    for (const slot of this.#slots.toSorted((a, b) => a.running - b.running)) {
      if (!slot.executor) continue
      const suspect = slot.suspects[0]
      if (suspect) {
        if (slot.running === 0) void this.#runAlone(slot, slot.executor, suspect)
        continue
      }
      while (this.#hasRoom(slot) && this.#batcher.size > 0 && !this.#shouldWait()) {
        const rows = this.#batcher.take(this.#rowLimit)
        if (rows.length > 0) void this.#runTogether(slot, slot.executor, rows)
      }
    }
  }

  #hasRoom({ running, since }: Slot) {
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
    }, this.description.batching.maxWaitMs)
    return true
  }

  async #runTogether(slot: Slot, executor: Executor, taken: Row[]) {
    if (slot.running === 0) slot.since = performance.now()
    slot.running += 1
    const rows = await this.#withoutFinal(taken)
    try {
      if (rows.length > 0) this.#finishAll(rows, await this.#runRows(executor, rows))
      if (rows.length === this.#rowLimit) this.#rowLimit = Math.min(this.#rowLimit + 1, this.#mostRows)
    } catch (err) {
      if (err instanceof RunFailed && rows.length === 1) this.#finishAll(rows, [failed(err)])
      else this.#accuse(rows)
      if (err instanceof ExecutorDied && err.how === 'timed_out') {
        this.#rowLimit = Math.max(1, Math.floor(this.#rowLimit / 2))
      }
    } finally {
      slot.since = performance.now()
      slot.running -= 1
      this.#pump()
    }
  }

  async #runAlone(slot: Slot, executor: Executor, suspect: Suspect) {
    slot.running += 1
    const rows = await this.#withoutFinal([suspect.row])
    try {
      // it ended before it got the row, which says nothing about the row
      if (slot.executor !== executor) return
      if (rows.length > 0) this.#finishAll(rows, await this.#runRows(executor, rows))
      slot.suspects.shift()
    } catch (err) {
      if (err instanceof ExecutorDied) suspect.strikes += 1
      if (err instanceof ExecutorDied && suspect.strikes < 2) return
      if (err instanceof ExecutorDied) this.#convictions.push(Date.now())
      slot.suspects.shift()
      this.#finishAll(rows, [failed(err)])
    } finally {
      slot.running -= 1
      this.#pump()
    }
  }

  async #runRows(executor: Executor, rows: Row[]) {
    const works = new Set(rows.map((row) => row.work))
    const { results, runMs } = await executor.run(
      rows.map(({ work, index }) => work.rows[index]),
      () => {
        for (const work of works) work.hasRun = true
      },
    )
    for (const work of works) {
      work.predictMs += runMs
      work.batchSize = Math.max(work.batchSize, rows.length)
    }
    this.#lastRunMs = runMs
    this.#options.events.microBatchRan(rows.length, runMs)
    return results
  }

  /** Leaves out predictions that ended in the meantime: canceled, expired, or run by another worker. */
  async #withoutFinal(rows: Row[]) {
    const works = [...new Set(rows.map((row) => row.work))]
    // where it can't be found out they run: an outcome is written once, so nothing but time is lost
    const final = await this.#options.areFinal(works.map((work) => work.id)).catch((err: unknown) => {
      this.#options.log.warn({ err, model: this.definition.name }, 'outcomes could not be looked up')
      return []
    })
    for (const [index, work] of works.entries())
      if (final[index]) this.#end(work, { kind: 'dropped', hasRun: work.hasRun })
    return rows.filter((row) => !row.work.dropped)
  }

  #finishAll(rows: Row[], results: RowOutcome[]) {
    for (const [position, { work, index }] of rows.entries()) {
      work.results[index] = results[position] ?? failed(new Error('the executor answered too few rows'))
      work.unfinished -= 1
      if (work.unfinished === 0) {
        const { predictMs, batchSize } = work
        const finished = work.results.flatMap((result) => (result ? [result] : []))
        this.#end(work, { kind: 'finished', report: { results: finished, predictMs, batchSize } })
      }
    }
  }

  #end(work: Work, end: RunEnd) {
    work.dropped = end.kind !== 'finished'
    this.#ends.get(work)?.(end)
    this.#ends.delete(work)
  }

  #accuse(rows: Row[]) {
    const slot = this.#slots.toSorted((a, b) => a.suspects.length - b.suspects.length)[0]
    slot?.suspects.push(...rows.map((row) => ({ row, strikes: 0 })))
  }

  #watch(slot: Slot) {
    const watched = slot.executor
    if (!watched) return
    void watched.ended.then((died) => {
      if (this.#closed) return
      slot.executor = undefined
      this.#deaths.push(Date.now())
      const { name, version } = this.definition
      this.#options.log.warn(
        { model: name, version, pid: watched.pid, reason: died.message },
        'executor died',
      )
      this.#options.events.executorDied(died.how)
      this.#restart(slot)
    })
  }

  #restart(slot: Slot) {
    const delayMs = restartDelayMs({
      deaths: this.#recent(this.#deaths),
      convictions: this.#recent(this.#convictions),
    })
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      // startAgain never rejects
      const starting = this.#startAgain(slot).finally(() => this.#starting.delete(starting))
      this.#starting.add(starting)
    }, delayMs)
    this.#restarts.add(timer)
  }

  async #startAgain(slot: Slot) {
    try {
      const executor = await slot.start()
      slot.executor = executor
      this.#watch(slot)
      if (this.#closed) await executor.ended
      else
        this.#options.log.info({ model: this.definition.name, pid: executor.pid }, 'executor started again')
      this.#pump()
    } catch (err) {
      if (this.#closed) return
      this.#deaths.push(Date.now())
      this.#options.log.error({ err, model: this.definition.name }, 'executor did not start')
      this.#restart(slot)
    }
  }

  #recent(times: number[]) {
    const since = Date.now() - healthWindowMs
    while ((times[0] ?? Infinity) < since) times.shift()
    return times.length
  }
}

const failed = (err: unknown): RowOutcome => {
  if (err instanceof ExecutorDied) {
    return err.how === 'timed_out'
      ? { ok: false, code: 'timed_out', detail: `this row ${err.message}` }
      : {
          ok: false,
          code: 'executor_crashed',
          detail: `this row ended its executor twice when it ran alone (${err.message})`,
        }
  }
  return {
    ok: false,
    code: 'inference_failed',
    detail: err instanceof Error ? err.message : 'the model failed',
  }
}

const neverEmpty = (): never => {
  throw new Error('a model version has at least one executor')
}
