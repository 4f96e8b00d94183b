import type { Logger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { planReplacement } from './abandoned-run.ts'
import type { Replacement } from './abandoned-run.ts'
import { readAvailableMemory } from './available-memory.ts'
import type { VersionDescription } from './describe-version.ts'
import { Executor } from './executor.ts'
import { ExecutorSlot } from './executor-slot.ts'
import type { ExecutorEnd } from './executor-slot.ts'
import { planInstances } from './plan-in-flight.ts'
import { RestartPace } from './restart-pace.ts'

type Options = {
  definition: ModelDefinition
  cores: number
  log: Logger
  /** aborts when the model's executors are to end, those that are still loading included */
  ending: AbortSignal
  onDied: (how: ExecutorEnd) => void
  availableMemory?: () => Promise<number | undefined>
}

/**
 * Keeps the executors of one model version alive, each in its slot (executor-slot.ts). While none is alive and the last
 * try to start one has failed the version is *down*: nobody knows when it runs again.
 */
export class ExecutorSupervisor {
  readonly description: VersionDescription
  /** One for each executor that the version should have, the same ones for good. */
  readonly slots: readonly ExecutorSlot[]
  readonly #options: Options
  readonly #pace = new RestartPace()
  /** ends the executors of this version alone */
  readonly #closing: AbortController
  readonly #startExecutor: (signal?: AbortSignal) => Promise<Executor>
  /** how long it took to load the model the last time */
  #loadMs = 0
  #wasDown: string | undefined
  #onRestarted: () => void = () => undefined
  #onDownChanged: () => void = () => undefined

  /**
   * Starts as many executors as the version should have. Resolves when the first has loaded the model and each of the
   * others has, or has failed to: that one is tried again. Rejects like `Executor.start` when the first one fails.
   */
  static async start(options: Options): Promise<ExecutorSupervisor> {
    const { definition, ending } = options
    const { settings } = definition
    const closing = new AbortController()
    const startExecutor = (signal?: AbortSignal) =>
      Executor.start({
        definition,
        threads: settings.threads === 'auto' ? 1 : settings.threads,
        timeoutMs: settings.timeout_s * 1000,
        signal: AbortSignal.any([ending, closing.signal, ...(signal ? [signal] : [])]),
      })
    const startedAt = performance.now()
    const first = await startExecutor()
    const loadMs = performance.now() - startedAt
    const supervisor = new ExecutorSupervisor(options, { first, loadMs, startExecutor, closing })
    await Promise.all(supervisor.slots.slice(1).map((slot) => slot.start()))
    return supervisor
  }

  private constructor(
    options: Options,
    {
      first,
      loadMs,
      startExecutor,
      closing,
    }: {
      first: Executor
      loadMs: number
      startExecutor: (signal?: AbortSignal) => Promise<Executor>
      closing: AbortController
    },
  ) {
    const { definition, cores, log, ending, onDied } = options
    const { instances } = definition.settings
    this.#options = options
    this.#startExecutor = startExecutor
    this.#closing = closing
    this.#loadMs = loadMs
    this.description = first.description
    const { timing } = first.description
    const count = instances === 'auto' ? planInstances({ timing, cores }) : instances
    const slotOptions = {
      definition,
      log,
      pace: this.#pace,
      ending: AbortSignal.any([ending, closing.signal]),
      start: (signal?: AbortSignal) => this.#start(signal),
      onDied,
      onChanged: () => this.#changed(),
    }
    this.slots = Array.from({ length: count }, () => new ExecutorSlot(slotOptions))
    this.slots[0]?.hold(first)
  }

  get executorPids() {
    return this.slots.flatMap(({ executor }) => (executor ? [executor.pid] : []))
  }

  /** False while too many rows have been found guilty lately; restarts are slower meanwhile. */
  get isHealthy() {
    return this.#pace.isHealthy
  }

  /** Why there is no executor, and nobody knows when there will be one; undefined while there is, or will be soon. */
  get whyDown() {
    return this.executorPids.length === 0 ? this.#pace.whyFailing : undefined
  }

  /** How long it took to load the model the last time. */
  get loadMs() {
    return this.#loadMs
  }

  /** Has `listener` called whenever executors have come or gone: there may be one that can run rows. */
  onRestarted(listener: () => void) {
    this.#onRestarted = listener
  }

  /** Has `listener` called whenever the version went down or came up, or has another reason to be down. */
  onDownChanged(listener: () => void) {
    this.#onDownChanged = listener
  }

  rowConvicted() {
    this.#pace.rowConvicted()
  }

  /** How an executor would be replaced now. */
  async planReplacement(): Promise<Replacement> {
    const { availableMemory = readAvailableMemory } = this.#options
    const { peakBytes: neededBytes, interface: offered } = this.description
    const availableBytes = await availableMemory()
    return planReplacement({ neededBytes, availableBytes, providers: offered.providers })
  }

  /**
   * Replaces the executor of a slot whose run was abandoned, unless another one is just being replaced or the model could
   * not be loaded lately: then what is there is kept. See `ExecutorSlot.replace`.
   */
  async replace(slot: ExecutorSlot, replacement: Replacement, signal: AbortSignal) {
    if (this.#pace.whyFailing !== undefined || this.slots.some(({ isReplaced }) => isReplaced)) return
    await slot.replace(replacement, signal)
  }

  /** Ends the executors, and resolves when their processes are gone. */
  async close() {
    this.#closing.abort()
    await Promise.all(this.slots.map((slot) => slot.close()))
  }

  async #start(signal?: AbortSignal) {
    const startedAt = performance.now()
    const executor = await this.#startExecutor(signal)
    this.#loadMs = performance.now() - startedAt
    return executor
  }

  #changed() {
    if (this.#wasDown !== this.whyDown) {
      this.#wasDown = this.whyDown
      this.#onDownChanged()
    }
    this.#onRestarted()
  }
}
