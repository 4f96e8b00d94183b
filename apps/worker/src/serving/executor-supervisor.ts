import type { Logger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { VersionDescription } from './describe-version.ts'
import { Executor } from './executor.ts'
import type { ExecutorDied } from './executor.ts'
import { planInstances } from './plan-in-flight.ts'
import { healthWindowMs, isUnhealthy, restartDelayMs } from './restart-delay.ts'

type Options = {
  definition: ModelDefinition
  cores: number
  log: Logger
  /** aborts when the model's executors are to end, those that are still loading included */
  ending: AbortSignal
  onDied: (how: ExecutorDied['how']) => void
}

type Slot = { executor: Executor | undefined }
/** Holds one executor; none from its death until another one has loaded the model. */
export type ExecutorSlot = Readonly<Slot>

/**
 * Keeps the executors of one model version alive: one that dies is started again, after a delay that grows with the
 * deaths of the last minute.
 *
 *   alive ──died──▶ delayed ──▶ starting ──loaded──▶ alive
 *                      ▲            │
 *                      └──failed────┘
 */
export class ExecutorSupervisor {
  readonly description: VersionDescription
  readonly #options: Options
  readonly #slots: Slot[]
  readonly #start: () => Promise<Executor>
  /** ends the executors of this version alone */
  readonly #ending: AbortController
  /** when executors died, in ms since the epoch */
  #deaths: number[] = []
  /** when rows were found guilty, in ms since the epoch */
  #convictions: number[] = []
  #onRestarted: () => void = () => undefined
  #closed = false
  #restarts = new Set<NodeJS.Timeout>()
  readonly #starting = new Set<Promise<void>>()

  /**
   * Starts as many executors as the version should have. Rejects like `Executor.start` when one of them does not start;
   * all of them are ended then.
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
    try {
      const others = await Promise.all(Array.from({ length: instances - 1 }, start))
      return new ExecutorSupervisor(options, { executors: [first, ...others], start, ending: own })
    } catch (err) {
      own.abort()
      throw err
    }
  }

  private constructor(
    options: Options,
    {
      executors,
      start,
      ending,
    }: {
      executors: [Executor, ...Executor[]]
      start: () => Promise<Executor>
      ending: AbortController
    },
  ) {
    this.#options = options
    this.#start = start
    this.#ending = ending
    this.description = executors[0].description
    this.#slots = executors.map((executor) => ({ executor }))
    for (const slot of this.#slots) this.#watch(slot)
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
    return !isUnhealthy(this.#recent(this.#convictions))
  }

  /** Has `listener` called whenever an executor was started again and can run rows. */
  onRestarted(listener: () => void) {
    this.#onRestarted = listener
  }

  /** A row was found guilty of ending executors. Many of them in a minute make the version unhealthy. */
  rowConvicted() {
    this.#convictions.push(Date.now())
  }

  /** Ends the executors, and resolves when their processes are gone. */
  async close() {
    this.#closed = true
    for (const timer of this.#restarts) clearTimeout(timer)
    this.#ending.abort()
    await Promise.all([...this.#slots.map(({ executor }) => executor?.ended), ...this.#starting])
  }

  #watch(slot: Slot) {
    const watched = slot.executor
    if (!watched) return
    void watched.ended.then((died) => {
      if (this.#closed || this.#options.ending.aborted) return
      slot.executor = undefined
      this.#deaths.push(Date.now())
      const { definition, log, onDied } = this.#options
      const { name, version } = definition
      log.warn({ model: name, version, pid: watched.pid, reason: died.message }, 'executor died')
      onDied(died.how)
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
    const { definition, log } = this.#options
    try {
      const executor = await this.#start()
      slot.executor = executor
      this.#watch(slot)
      if (this.#closed) await executor.ended
      else log.info({ model: definition.name, pid: executor.pid }, 'executor started again')
      this.#onRestarted()
    } catch (err) {
      if (this.#closed) return
      this.#deaths.push(Date.now())
      log.error({ err, model: definition.name }, 'executor did not start')
      this.#restart(slot)
    }
  }

  #recent(times: number[]) {
    const since = Date.now() - healthWindowMs
    while ((times[0] ?? Infinity) < since) times.shift()
    return times.length
  }
}
