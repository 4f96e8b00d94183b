import type { Logger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { Replacement } from './abandoned-run.ts'
import type { Executor } from './executor.ts'
import type { ExecutorDied } from './executor-died.ts'
import { VersionRefused } from './load-version.ts'
import type { RestartPace } from './restart-pace.ts'

/** What becomes of executors. `load_failed`: it never came to load the model. */
export type ExecutorEnd = ExecutorDied['how'] | 'load_failed'

type Options = {
  definition: ModelDefinition
  log: Logger
  pace: RestartPace
  /** aborts when the executors of the version are to end, those that are still loading included */
  ending: AbortSignal
  /** Starts one, until the signal aborts. */
  start: (signal?: AbortSignal) => Promise<Executor>
  onDied: (how: ExecutorEnd) => void
  /** an executor has come or gone, or could not come */
  onChanged: () => void
}

/**
 * The place of one executor of a version. One that dies is started again, at the pace of the version:
 *
 *   alive ──died──▶ delayed ──▶ starting ──loaded──▶ alive
 *                      ▲            │
 *                      └──failed────┘
 *
 * until it is given up, or the version ends.
 */
export class ExecutorSlot {
  readonly #options: Options
  #executor: Executor | undefined
  #delay: NodeJS.Timeout | undefined
  /** a try to start another executor; one at a time */
  #starting: Promise<void> | undefined
  #isReplaced = false
  /** ends its executor alone */
  readonly #givenUp = new AbortController()

  constructor(options: Options) {
    this.#options = options
  }

  /** None from its death until another one has loaded the model. */
  get executor() {
    return this.#executor?.isGone ? undefined : this.#executor
  }

  /** True from the decision to replace its executor until the next one is there, or could not come. */
  get isReplaced() {
    return this.#isReplaced
  }

  /** Takes one that has loaded the model. */
  hold(executor: Executor) {
    this.#executor = executor
    void executor.ended.then((died) => {
      // another one may have taken its place
      if (!this.#isEnding && this.#executor === executor) this.#lost(executor, died)
    })
  }

  /** Resolves when the first try has ended; what failed is tried again. Never rejects. */
  start(event = 'executor started') {
    return this.#try(this.#start(), (executor) => this.#came(executor, event))
  }

  /**
   * Has another executor take the place of one whose run was abandoned. Resolves when the old one is gone; or stays, since
   * its run has ended by itself meanwhile, which aborts the signal. Never rejects.
   */
  async replace(replacement: Replacement, signal: AbortSignal) {
    const old = this.#executor
    if (!old || this.#isReplaced || this.#starting) return
    this.#isReplaced = true
    if (replacement === 'meanwhile') await this.#loadMeanwhile(old, signal)
    else {
      old.stop()
      await old.ended
    }
  }

  /** Ends its executor for good. Resolves when nothing of it is left. */
  giveUp() {
    this.#givenUp.abort()
    this.#executor?.stop()
    return this.close()
  }

  /** Resolves when nothing of it is left; its end was signalled before. */
  async close() {
    clearTimeout(this.#delay)
    await Promise.all([this.#executor?.ended, this.#starting])
  }

  get #isEnding() {
    return this.#options.ending.aborted || this.#givenUp.signal.aborted
  }

  #start(signal?: AbortSignal) {
    const { signal: givenUp } = this.#givenUp
    return this.#options.start(signal ? AbortSignal.any([givenUp, signal]) : givenUp)
  }

  async #loadMeanwhile(old: Executor, signal: AbortSignal) {
    const tooLate = new AbortController()
    // where the old one ended with its run, the new one is needed all the more
    const onAbort = () => {
      if (!old.isGone) tooLate.abort()
    }
    signal.addEventListener('abort', onAbort)
    const isOver = () => {
      signal.removeEventListener('abort', onAbort)
      return tooLate.signal.aborted
    }
    await this.#try(
      this.#start(tooLate.signal),
      async (executor) => {
        // from here on the end of the run must not end the new one
        isOver()
        this.#came(executor, 'executor started in place of another')
        old.stop()
        this.#options.onDied('stopped')
        await old.ended
      },
      async (err) => {
        if (isOver()) return
        this.#loadFailed(err)
        // where its files say no the old one is the last that can serve; else there may have been too little memory for two
        if (!(err instanceof VersionRefused)) old.stop()
      },
    )
  }

  /** Sees a start to its end, whatever that is. */
  #try(
    start: Promise<Executor>,
    onLoaded: (executor: Executor) => unknown,
    onFailed: (err: unknown) => unknown = (err) => this.#loadFailed(err),
  ): Promise<void> {
    const settle = async () => {
      try {
        const executor = await start
        await (this.#isEnding ? executor.ended : onLoaded(executor))
      } catch (err) {
        if (!this.#isEnding) await onFailed(err)
      } finally {
        this.#starting = undefined
        this.#isReplaced = false
        if (!this.#executor && !this.#isEnding) this.#startLater()
      }
    }
    this.#starting = settle()
    return this.#starting
  }

  #startLater() {
    if (this.#starting) return
    clearTimeout(this.#delay)
    // start never rejects
    this.#delay = setTimeout(() => void this.start('executor started again'), this.#options.pace.delayMs)
  }

  #lost(executor: Executor, died: ExecutorDied) {
    const { definition, log, pace, onDied, onChanged } = this.#options
    const { name: model, version } = definition
    this.#executor = undefined
    const level = died.how === 'stopped' ? 'info' : 'warn'
    log[level]({ model, version, pid: executor.pid, reason: died.message }, 'executor died')
    if (died.how !== 'stopped') pace.executorDied()
    // one that ended with others, or for them, has lost no run that was its own
    if (died.how !== 'stopped' || this.#isReplaced) onDied(died.how)
    this.#startLater()
    onChanged()
  }

  #came(executor: Executor, event: string) {
    const { definition, log, pace, onChanged } = this.#options
    pace.loaded()
    this.hold(executor)
    log.info({ model: definition.name, pid: executor.pid }, event)
    onChanged()
  }

  #loadFailed(err: unknown) {
    const { definition, log, pace, onDied, onChanged } = this.#options
    const { name: model, version } = definition
    const failures = pace.loadFailed(err)
    log.error({ err, model, version, failures }, 'executor did not start')
    onDied('load_failed')
    onChanged()
  }
}
