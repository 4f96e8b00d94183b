import type { Logger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { Lane } from './batcher.ts'
import { createDropFinal } from './drop-final.ts'
import { ExecutorSupervisor } from '../supervision/executor-supervisor.ts'
import type { ExecutorEnd } from '../supervision/executor-slot.ts'
import type { StartExecutor } from '../supervision/executor.ts'
import { ProofWhenIdle } from './proof-when-idle.ts'
import { RunTimes } from './run-times.ts'
import { RunWatch } from './run-watch.ts'
import { Scheduler } from './scheduler.ts'
import { Sizes } from '../sizes/sizes.ts'
import { Work } from './work.ts'
import type { RunEnd } from './work.ts'

/** What a model version tells of itself while it works. */
type ServingEvents = {
  microBatchRan(rows: number, runMs: number): void
  executorDied(how: ExecutorEnd): void
  /** `whyDown` may have changed */
  downChanged(): void
  /** it is known now whether rows may share a run */
  batchingDecided(): void
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
  ending: AbortSignal
  /** in bytes, for one more executor; read from the system when not given */
  availableMemory?: () => Promise<number | undefined>
  /** how long it has nothing to do before it looks again whether rows may share a run */
  idleMs?: number
  /** see `ExecutorSupervisor` */
  startExecutor?: StartExecutor
}

/** One model version in this worker: predictions come in, and leave when their rows have run in its executors. */
export class ModelVersion {
  readonly definition: ModelDefinition
  readonly #options: Options
  readonly #supervisor: ExecutorSupervisor
  readonly #sizes: Sizes
  readonly #scheduler: Scheduler
  readonly #unfinished = new Set<Work>()
  readonly #proof: ProofWhenIdle
  #returnsAll = false

  /** Loads the version into as many executors as it should have. Rejects like `ExecutorSupervisor.start`. */
  static async open(options: Options): Promise<ModelVersion> {
    const onDied = (how: ExecutorEnd) => options.events.executorDied(how)
    const supervisor = await ExecutorSupervisor.start({ ...options, onDied })
    return new ModelVersion(options, supervisor)
  }

  private constructor(options: Options, supervisor: ExecutorSupervisor) {
    const { definition, log, areFinal, isExpectingRows, events, idleMs = 30_000 } = options
    const { timing, interface: offered } = supervisor.description
    this.definition = definition
    this.#options = options
    this.#supervisor = supervisor
    this.#sizes = new Sizes({
      timing,
      batching: offered.batching,
      countInstances: () => supervisor.slots.length,
      cores: definition.settings.instances === 'auto' ? options.cores : undefined,
      onRowLimitChanged: () => this.#logRowLimit(),
      onInstancesWanted: (count) => void supervisor.resize(count),
    })
    const dropFinal = createDropFinal({ model: definition.name, areFinal, log })
    const durations = new RunTimes([timing.oneRowMs, timing.batchMs])
    supervisor.onDownChanged(() => this.#downChanged())
    this.#scheduler = new Scheduler({
      supervisor,
      rowLimit: this.#sizes.rowLimit,
      maxWaitMs: offered.batching.maxWaitMs,
      dropFinal,
      isExpectingRows,
      expectRun: (rows) => this.#sizes.expectRun(rows),
      onMicroBatchRan: (rows, time) => {
        this.#proof.ran()
        durations.add(time.runMs)
        this.#sizes.ran(rows, time)
        events.microBatchRan(rows, time.runMs)
      },
      watchRun: (slot, works) =>
        new RunWatch({
          works,
          dropFinal,
          times: durations,
          loadMs: supervisor.loadMs,
          planReplacement: () => supervisor.planReplacement(),
          stop: (replacement, signal) => supervisor.replace(slot, replacement, signal),
        }),
    })
    this.#proof = new ProofWhenIdle({
      supervisor,
      idleMs,
      isBusy: () => this.#unfinished.size > 0,
      onKnown: () => {
        this.#sizes.allow(this.description.interface.batching)
        events.batchingDecided()
      },
    })
  }

  get description() {
    return this.#supervisor.description
  }

  /** False while too many rows have crashed its executors lately; rows wait meanwhile. */
  get isHealthy() {
    return this.#supervisor.isHealthy
  }

  /** Why it runs nothing, and nobody knows when it will; undefined while it does, or will soon. */
  get whyDown() {
    return this.#supervisor.whyDown
  }

  /** How many rows may run together at present, and why not more. */
  get rowLimit() {
    const { rows, boundBy, reason } = this.#sizes.rowLimit
    return { rows, boundBy, reason }
  }

  /** What a row takes at present, in ms. */
  get rowMs() {
    return this.#sizes.rowMs
  }

  /** How many rows a worker should hold at present, for its executors to be busy. */
  get maxInFlightRows() {
    return this.#sizes.hand
  }

  /** As its warm-up found it, with nothing of the queue in it. */
  get expectedPace() {
    const { batchRows, batchMs } = this.#supervisor.description.timing
    const instances = this.#supervisor.slots.length
    return { rowsPerSecond: (instances * batchRows * 1000) / Math.max(batchMs, 0.01), serviceMs: batchMs }
  }

  get executorPids() {
    return this.#supervisor.executorPids
  }

  /**
   * Runs the rows of a prediction. `apart` is for one whose worker was lost. Aborting the signal drops
   * the rows that have not run.
   */
  async run(options: {
    id: string
    rows: unknown[]
    lane: Lane
    apart: boolean
    /** until when nobody will have ended it, in ms of `performance.now()` */
    freshUntil: number
    signal: AbortSignal
  }): Promise<RunEnd> {
    const { id, rows, lane, apart, freshUntil, signal } = options
    if (this.#returnsAll || this.whyDown !== undefined) return { kind: 'returned' }
    if (signal.aborted) return { kind: 'dropped', hasRun: false }
    if (rows.length === 0) return { kind: 'finished', report: { results: [], predictMs: 0, batchSize: 0 } }
    const work = new Work({ id, rows, freshUntil, signal })
    this.#unfinished.add(work)
    if (apart) this.#scheduler.addApart(work)
    else this.#scheduler.add(work, lane)
    const end = await work.ended
    this.#unfinished.delete(work)
    return end
  }

  /** More rows came, or are not expected any more. */
  expectationChanged() {
    this.#scheduler.expectationChanged()
  }

  /** Resolves when no prediction is left in it. */
  async untilIdle() {
    while (this.#unfinished.size > 0) await Promise.all([...this.#unfinished].map(({ ended }) => ended))
  }

  /** Returns every prediction that has not finished, and those that still come. */
  returnAllToQueue() {
    this.#returnsAll = true
    this.#returnUnfinished()
  }

  /** Ends the executors. Predictions that have not finished are returned to the queue. */
  async close() {
    this.#proof.close()
    this.#scheduler.close()
    this.returnAllToQueue()
    await this.#supervisor.close()
  }

  /** What it holds must not wait for an executor that may never come: another worker may have one. */
  #downChanged() {
    this.#options.events.downChanged()
    if (this.whyDown !== undefined) this.#returnUnfinished()
  }

  #logRowLimit() {
    const { name: model, version } = this.definition
    const { rows, reason } = this.rowLimit
    this.#options.log.info({ model, version, rowLimit: rows, reason }, 'row limit changed')
  }

  #returnUnfinished() {
    for (const work of this.#unfinished) work.returnToQueue()
  }
}
