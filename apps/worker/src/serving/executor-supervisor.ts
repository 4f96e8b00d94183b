import type { Logger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { VersionDescription } from './describe-version.ts'
import { Executor } from './executor.ts'
import type { ExecutorDied } from './executor-died.ts'
import { planInstances } from './plan-in-flight.ts'
import { RestartPace } from './restart-pace.ts'

type Options = {
  definition: ModelDefinition
  cores: number
  log: Logger
  /** aborts when the model's executors are to end, those that are still loading included */
  ending: AbortSignal
  /** `load_failed`: it never came to load the model */
  onDied: (cause: ExecutorDied['how'] | 'load_failed') => void
}

type Slot = { executor: Executor | undefined }
/** Holds one executor; none from its death until another one has loaded the model. */
export type ExecutorSlot = Readonly<Slot>

/**
 * Keeps the executors of one model version alive: one that dies is started again, after a delay that grows with the
 * deaths of the last minute, and with the failures in a row to load the model.
 *
 *   alive ──died──▶ delayed ──▶ starting ──loaded──▶ alive
 *                      ▲            │
 *                      └──failed────┘
 *
 * While none is alive and the last try has failed the version is *down*: it can't be told when it runs again.
 */
export class ExecutorSupervisor {
  readonly description: VersionDescription
  readonly #options: Options
  readonly #slots: Slot[]
  readonly #start: () => Promise<Executor>
  /** ends the executors of this version alone */
  readonly #ending: AbortController
  readonly #pace = new RestartPace()
  #onRestarted: () => void = () => undefined
  #onDownChanged: () => void = () => undefined
  #closed = false
  #restarts = new Set<NodeJS.Timeout>()
  readonly #starting = new Set<Promise<void>>()

  /**
   * Starts as many executors as the version should have. Resolves when the first has loaded the model and each of the
   * others has, or has failed to: that one is tried again. Rejects like `Executor.start` when the first one fails.
   */
  static async start(options: Options): Promise<ExecutorSupervisor> {
    const { definition, cores, ending } = options
    const { settings } = definition
    const own = new AbortController()
    const signal = AbortSignal.any([ending, own.signal])
    const start = () =>
      Executor.start({
        definition,
        threads: settings.threads === 'auto' ? 1 : settings.threads,
        timeoutMs: settings.timeout_s * 1000,
        signal,
      })
    const first = await start()
    const { timing } = first.description
    const instances = settings.instances === 'auto' ? planInstances({ timing, cores }) : settings.instances
    const supervisor = new ExecutorSupervisor(options, { first, instances, start, ending: own })
    await Promise.all(supervisor.#starting)
    return supervisor
  }

  private constructor(
    options: Options,
    {
      first,
      instances,
      start,
      ending,
    }: {
      first: Executor
      instances: number
      start: () => Promise<Executor>
      ending: AbortController
    },
  ) {
    this.#options = options
    this.#start = start
    this.#ending = ending
    this.description = first.description
    const slot: Slot = { executor: first }
    const others = Array.from({ length: instances - 1 }, (): Slot => ({ executor: undefined }))
    this.#slots = [slot, ...others]
    this.#watch(slot, first)
    for (const other of others) this.#startIn(other, 'executor started')
  }

  /** One for each executor that the version should have, the same ones for good. */
  get slots(): readonly ExecutorSlot[] {
    return this.#slots
  }

  get executorPids() {
    return this.#slots.flatMap(({ executor }) => (executor ? [executor.pid] : []))
  }

  /** False while too many rows have been found guilty lately; restarts are slower meanwhile. */
  get isHealthy() {
    return this.#pace.isHealthy
  }

  /** Why there is no executor, and nobody knows when there will be one; undefined while there is, or will be soon. */
  get whyDown() {
    return this.executorPids.length === 0 ? this.#pace.whyFailing : undefined
  }

  /** Has `listener` called whenever an executor was started again and can run rows. */
  onRestarted(listener: () => void) {
    this.#onRestarted = listener
  }

  /** Has `listener` called whenever the version may have gone down or come up, or has another reason to be down. */
  onDownChanged(listener: () => void) {
    this.#onDownChanged = listener
  }

  rowConvicted() {
    this.#pace.rowConvicted()
  }

  /** Ends the executors, and resolves when their processes are gone. */
  async close() {
    this.#closed = true
    for (const timer of this.#restarts) clearTimeout(timer)
    this.#ending.abort()
    await Promise.all([...this.#slots.map(({ executor }) => executor?.ended), ...this.#starting])
  }

  #watch(slot: Slot, watched: Executor) {
    void watched.ended.then((died) => {
      if (this.#isEnding) return
      slot.executor = undefined
      this.#pace.executorDied()
      const { definition, log, onDied } = this.#options
      const { name, version } = definition
      log.warn({ model: name, version, pid: watched.pid, reason: died.message }, 'executor died')
      onDied(died.how)
      this.#restart(slot)
      if (this.whyDown !== undefined) this.#onDownChanged()
    })
  }

  #restart(slot: Slot) {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      this.#startIn(slot, 'executor started again')
    }, this.#pace.delayMs)
    this.#restarts.add(timer)
  }

  #startIn(slot: Slot, event: string) {
    // tryToStart never rejects
    const starting = this.#tryToStart(slot, event).finally(() => this.#starting.delete(starting))
    this.#starting.add(starting)
  }

  async #tryToStart(slot: Slot, event: string) {
    const { definition, log } = this.#options
    try {
      const executor = await this.#start()
      const wasFailing = this.#pace.whyFailing !== undefined
      this.#pace.loaded()
      slot.executor = executor
      this.#watch(slot, executor)
      if (this.#isEnding) await executor.ended
      else log.info({ model: definition.name, pid: executor.pid }, event)
      if (wasFailing) this.#onDownChanged()
      this.#onRestarted()
    } catch (err) {
      if (!this.#isEnding) this.#loadFailed(slot, err)
    }
  }

  #loadFailed(slot: Slot, err: unknown) {
    const { definition, log, onDied } = this.#options
    const { name, version } = definition
    const failures = this.#pace.loadFailed(err)
    log.error({ err, model: name, version, failures }, 'executor did not start')
    onDied('load_failed')
    this.#restart(slot)
    if (this.whyDown !== undefined) this.#onDownChanged()
  }

  get #isEnding() {
    return this.#closed || this.#options.ending.aborted
  }
}
