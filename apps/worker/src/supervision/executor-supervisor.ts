import type { Logger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { planReplacement } from './abandoned-run.ts'
import type { Replacement } from './abandoned-run.ts'
import { readAvailableMemory } from './available-memory.ts'
import { Executor } from './executor.ts'
import type { StartExecutor } from './executor.ts'
import { ExecutorSlot } from './executor-slot.ts'
import type { ExecutorEnd } from './executor-slot.ts'
import { KnownVersion } from './known-version.ts'
import type { FailedLoads } from './load-retry.ts'
import { planInstances } from './plan-instances.ts'
import { RestartPace } from './restart-pace.ts'

type StartOne = (signal?: AbortSignal) => Promise<Executor>
/** What there is when the first executor has loaded the model. */
type Begun = { first: Executor; loadMs: number; startOne: StartOne; closing: AbortController }
type SurplusSlot = Pick<ExecutorSlot, 'giveUp' | 'close'>

type Options = {
  definition: ModelDefinition
  cores: number
  log: Logger
  /** aborts when the model's executors are to end, those that are still loading included */
  ending: AbortSignal
  onDied: (how: ExecutorEnd) => void
  availableMemory?: () => Promise<number | undefined>
  /** how an executor comes about; a process for it alone when not given */
  startExecutor?: StartExecutor
}

/**
 * Keeps the executors of one model version alive, each in its slot (executor-slot.ts). While none is alive and the last
 * try to start one has failed the version is *down*: nobody knows when it runs again.
 */
export class ExecutorSupervisor {
  readonly known: KnownVersion
  readonly #options: Options
  #slots: readonly ExecutorSlot[]
  /** there are too many of them: they go when they have nothing to do */
  readonly #surplus = new Set<SurplusSlot>()
  #isResizing = false
  readonly #pace = new RestartPace()
  /** ends the executors of this version alone */
  readonly #closing: AbortController
  readonly #startOne: StartOne
  #loadMs = 0
  #wasDown: FailedLoads | undefined
  #onRestarted: () => void = () => undefined
  #onDownChanged: () => void = () => undefined

  /**
   * Starts as many executors as the version should have. Resolves when the first has loaded the model and each of the
   * others has, or has failed to: that one is tried again. Rejects like `Executor.start` when the first one fails.
   */
  static async start(options: Options): Promise<ExecutorSupervisor> {
    const { definition, ending, startExecutor = (own) => Executor.start(own) } = options
    const { settings } = definition
    const closing = new AbortController()
    const startOne: StartOne = (signal) =>
      startExecutor({
        definition,
        threads: settings.threads === 'auto' ? 1 : settings.threads,
        timeoutMs: settings.timeout_s * 1000,
        signal: AbortSignal.any([ending, closing.signal, ...(signal ? [signal] : [])]),
      })
    const startedAt = performance.now()
    const first = await startOne()
    const loadMs = performance.now() - startedAt
    const supervisor = new ExecutorSupervisor(options, { first, loadMs, startOne, closing })
    await Promise.all(supervisor.slots.slice(1).map((slot) => slot.start()))
    return supervisor
  }

  private constructor(options: Options, { first, loadMs, startOne, closing }: Begun) {
    const { instances } = options.definition.settings
    this.#options = options
    this.#startOne = startOne
    this.#closing = closing
    this.#loadMs = loadMs
    this.known = new KnownVersion(first.description)
    const { batchMs, batchRows } = first.description.timing
    const rowMs = batchMs / Math.max(1, batchRows)
    const count = instances === 'auto' ? planInstances({ rowMs, cores: options.cores }) : instances
    this.#slots = Array.from({ length: count }, () => this.#newSlot())
    this.#slots[0]?.hold(first)
  }

  get description() {
    return this.known.description
  }

  /** One for each executor that the version should have. Another list when that has changed. */
  get slots() {
    return this.#slots
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
    return this.executorPids.length === 0 ? this.#pace.failing : undefined
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
    const { peakBytes: neededBytes, interface: offered } = this.description
    const availableBytes = await (this.#options.availableMemory ?? readAvailableMemory)()
    return planReplacement({ neededBytes, availableBytes, providers: offered.providers })
  }

  /**
   * Replaces the executor of a slot whose run was abandoned, unless another one is just being replaced or the model could
   * not be loaded lately: then what is there is kept. See `ExecutorSlot.replace`.
   */
  async replace(slot: Pick<ExecutorSlot, 'replace'>, replacement: Replacement, signal: AbortSignal) {
    if (this.#pace.failing !== undefined || this.slots.some(({ isReplaced }) => isReplaced)) return
    await slot.replace(replacement, signal)
  }

  /**
   * Has so many executors, at least one. More are loaded one after the other, where memory allows it; those that are too many
   * stay until they are given up. Resolves when what could be loaded is. Never rejects.
   */
  async resize(count: number) {
    if (this.#isResizing) return
    this.#isResizing = true
    for (const slot of this.#slots.slice(Math.max(1, count))) this.#surplus.add(slot)
    this.#setSlots(this.#slots.slice(0, Math.max(1, count)))
    while (this.#slots.length < count && (await this.#mayGrow())) {
      const slot = this.#newSlot()
      this.#setSlots([...this.#slots, slot])
      await slot.start()
    }
    this.#isResizing = false
  }

  /** Ends the executor of a slot that is not in `slots` any more, and has nothing to do. */
  async giveUp(slot: SurplusSlot) {
    await slot.giveUp()
    this.#surplus.delete(slot)
  }

  /** Ends the executors, and resolves when their processes are gone. */
  async close() {
    this.#closing.abort()
    await Promise.all([...this.#slots, ...this.#surplus].map((slot) => slot.close()))
  }

  #newSlot() {
    const { definition, log, ending, onDied } = this.#options
    return new ExecutorSlot({
      definition,
      log,
      pace: this.#pace,
      ending: AbortSignal.any([ending, this.#closing.signal]),
      start: (signal?: AbortSignal) => this.#start(signal),
      onDied,
      onChanged: () => this.#changed(),
    })
  }

  #setSlots(slots: readonly ExecutorSlot[]) {
    const before = this.#slots.length
    if (slots.length === before) return
    const { definition, log } = this.#options
    const { name: model, version } = definition
    this.#slots = slots
    log.info({ model, version, before, executors: slots.length }, 'number of executors changed')
    this.#changed()
  }

  /** While it could not be loaded lately, what is there is kept; and what is not may not fit in. */
  async #mayGrow() {
    if (this.#pace.failing !== undefined || this.#closing.signal.aborted) return false
    return (await this.planReplacement()) === 'meanwhile' && !this.#closing.signal.aborted
  }

  async #start(signal?: AbortSignal) {
    const startedAt = performance.now()
    const executor = await this.#startOne(signal)
    this.#loadMs = performance.now() - startedAt
    this.known.tell(executor)
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
