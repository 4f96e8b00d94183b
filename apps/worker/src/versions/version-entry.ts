import type { Logger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { VersionRefused } from '../serving/executor.ts'
import { ModelVersion } from '../serving/model-version.ts'

/** How a version is opened, beside what its definition says. */
export type OpenOptions = Omit<Parameters<typeof ModelVersion.open>[0], 'definition' | 'ending' | 'log'>

/**
 * A version in this worker, from the moment it is added until its executors are gone. Its states are drawn in
 * model-server.ts.
 */
export class VersionEntry {
  readonly definition: ModelDefinition
  #state: 'loading' | 'refused' | 'ready' | 'draining' | 'gone' = 'loading'
  /** there once it has loaded */
  #version: ModelVersion | undefined
  /** ends its executors while they load */
  readonly #ending = new AbortController()
  #loading: Promise<unknown> = Promise.resolve()

  constructor(definition: ModelDefinition) {
    this.definition = definition
  }

  get state() {
    return this.#state
  }

  get version() {
    return this.#version
  }

  /** Resolves to why it is refused, or to undefined: it has loaded, or was ended before it could. */
  load(options: OpenOptions, log: Logger): Promise<string | undefined> {
    const loading = this.#load(options, log)
    this.#loading = loading
    return loading
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

  async #load(options: OpenOptions, log: Logger) {
    const { name: model, version } = this.definition
    const ending = this.#ending.signal
    const startedAt = performance.now()
    try {
      const opened = await ModelVersion.open({ ...options, definition: this.definition, ending, log })
      this.#version = opened
      const { warnings, batching } = opened.description.interface
      const loadMs = Math.round(performance.now() - startedAt)
      log.info(
        { model, version, loadMs, handRows: opened.maxInFlightRows, batching, warnings },
        'model loaded',
      )
      return undefined
    } catch (err) {
      if (ending.aborted) return undefined
      this.#state = 'refused'
      const reason =
        err instanceof VersionRefused
          ? err.message
          : 'its executor could not be started; the worker logged why'
      log.error({ err, model, version, reason }, 'model refused')
      return reason
    }
  }
}
