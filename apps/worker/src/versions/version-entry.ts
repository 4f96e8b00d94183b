import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { VersionRefused } from '../supervision/load-version.ts'
import { explainFailedLoads, isLasting, loadRetryDelayMs } from '../supervision/load-retry.ts'
import { ModelVersion } from '../serving/model-version.ts'

/** How a version is opened, beside what its definition says. */
export type OpenOptions = Omit<Parameters<typeof ModelVersion.open>[0], 'definition' | 'ending' | 'log'>

/**
 * A version in this worker, from the moment it is added until its executors are gone. Its states are drawn in
 * model-server.ts.
 */
export class VersionEntry {
  readonly definition: ModelDefinition
  readonly #log: Logger
  #state: 'loading' | 'refused' | 'ready' | 'draining' | 'gone' = 'loading'
  /** why it is refused, or could not be loaded so far */
  #reason: string | null = null
  #failedLoads = 0
  /** there once it has loaded */
  #version: ModelVersion | undefined
  /** ends its executors while they load */
  readonly #ending = new AbortController()
  #loading: Promise<unknown> = Promise.resolve()

  constructor(definition: ModelDefinition, log: Logger) {
    this.definition = definition
    this.#log = log
  }

  /** One that was ready and has lost its executors is loading again. */
  get state() {
    return this.#state === 'ready' && this.#version?.whyDown !== undefined ? 'loading' : this.#state
  }

  /** Why it is refused, or still loading, or loading again; null where there is nothing to say. */
  get reason() {
    return this.#version?.whyDown?.reason ?? this.#reason
  }

  /** Whether so many tries to load it have failed in a row that nobody should wait for the next one. */
  get keepsFailing() {
    return this.#version ? this.#version.whyDown?.isLasting === true : isLasting(this.#failedLoads)
  }

  get version() {
    return this.#version
  }

  /**
   * Resolves when the first try has ended: it has loaded, is refused, or was ended before. Or its executor did not come
   * to load it, which is tried again and again; `onTried` is called after each further try.
   */
  load(options: OpenOptions, onTried: () => void): Promise<void> {
    const firstTry = this.#tryToLoad(options)
    this.#loading = firstTry.then(() => this.#keepTrying(options, onTried))
    return firstTry
  }

  /** Predictions are taken for it, if it has loaded. */
  becomeReady() {
    if (this.#state === 'loading' && this.#version) this.#state = 'ready'
  }

  /** No more predictions are taken for it. Resolves when those that it has have finished. */
  async drain() {
    if (this.#state === 'ready') this.#state = 'draining'
    if (this.#state === 'draining') await this.#version?.untilIdle()
  }

  /** Ends it if it is still loading: what comes of it then is not told. */
  stopLoading() {
    if (this.#state === 'loading') this.#ending.abort()
  }

  /** Ends it, and resolves when its executors are gone. May be called twice. */
  async end() {
    this.stopLoading()
    this.#state = 'gone'
    await this.#loading
    await this.#version?.close()
  }

  async #keepTrying(options: OpenOptions, onTried: () => void) {
    const { signal } = this.#ending
    while (this.#state === 'loading' && !this.#version && !signal.aborted) {
      await sleep(loadRetryDelayMs(this.#failedLoads), undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      await this.#tryToLoad(options)
      this.becomeReady()
      onTried()
    }
  }

  async #tryToLoad(options: OpenOptions) {
    const ending = this.#ending.signal
    const startedAt = performance.now()
    try {
      const log = this.#log
      const opened = await ModelVersion.open({ ...options, definition: this.definition, ending, log })
      this.#version = opened
      this.#reason = null
      this.#logLoaded(opened, startedAt)
    } catch (err) {
      if (!ending.aborted) this.#notLoaded(err, options)
    }
  }

  #logLoaded({ description, rowLimit, maxInFlightRows: handRows }: ModelVersion, startedAt: number) {
    const { name: model, version } = this.definition
    const { warnings, batching } = description.interface
    const loadMs = Math.round(performance.now() - startedAt)
    this.#log.info(
      {
        model,
        version,
        loadMs,
        rowLimit: rowLimit.rows,
        reason: rowLimit.reason,
        handRows,
        batching,
        warnings,
      },
      'model loaded',
    )
  }

  /** Only the files of a version can be a reason to refuse it: everything else may pass. */
  #notLoaded(err: unknown, { events }: OpenOptions) {
    const { name: model, version } = this.definition
    if (err instanceof VersionRefused) {
      this.#state = 'refused'
      this.#reason = err.message
      return this.#log.error({ model, version, reason: err.message }, 'model refused')
    }
    this.#failedLoads += 1
    this.#reason = explainFailedLoads(err, this.#failedLoads)
    events.executorDied('load_failed')
    const retryMs = loadRetryDelayMs(this.#failedLoads)
    this.#log.error({ err, model, version, reason: this.#reason, retryMs }, 'model could not be loaded yet')
  }
}
