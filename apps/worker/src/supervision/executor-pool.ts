import { statSync } from 'node:fs'
import type { Logger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { Executor } from './executor.ts'
import type { StartOptions } from './executor.ts'
import { ExecutorDied } from './executor-died.ts'
import { ExecutorHost } from './executor-host.ts'
import { readResidentBytes } from './resident-bytes.ts'
import { isSmall, isTooSlow, leakBytes, mayBeSmall, mostStrikes, sharedLoadLimitMs } from './sharing.ts'

type Options = {
  cores: number
  /** how many executors of one version there are before small versions share some */
  ownExecutors: number
  log: Logger
  /** how often shared executors are looked at */
  lookMs?: number
  /** an executor that has come to more leaks */
  leakBytes?: number
  /** for how long a version may be loaded where others wait */
  loadLimitMs?: number
}

/**
 * Says in which process a version is loaded: in one of its own or, where the worker has many versions, together with other
 * small ones (sharing.ts).
 *
 * Whether a version is small shows when it is loaded. One that is not, that ended an executor while it was loaded, or twice in
 * its runs, or that runs for long, has executors of its own from then on.
 */
export class ExecutorPool {
  readonly #options: Options
  readonly #hosts = new Set<ExecutorHost>()
  /** what is loaded in these */
  readonly #shared = new Map<Executor, ModelDefinition>()
  #own = 0
  /** digests of versions that have executors of their own, whatever there is */
  readonly #apart = new Set<string>()
  readonly #strikes = new Map<string, number>()
  readonly #timer: NodeJS.Timeout

  constructor(options: Options) {
    this.#options = options
    this.#timer = setInterval(() => void this.#look(), options.lookMs ?? 10_000).unref()
  }

  /** Rejects as `Executor.startIn` does. */
  readonly start = (options: StartOptions): Promise<Executor> => {
    const isOwn = this.#own < this.#options.ownExecutors || !this.#mayShare(options)
    return isOwn ? this.#startOwn(options) : this.#startShared(options)
  }

  close() {
    clearInterval(this.#timer)
  }

  #mayShare({ definition: { digest, onnxPath, settings }, threads }: StartOptions) {
    if (this.#apart.has(digest)) return false
    // a second one is to run beside the first
    if ([...this.#shared.values()].some((definition) => definition.digest === digest)) return false
    return mayBeSmall({ settings, threads, fileBytes: sizeOf(onnxPath) })
  }

  async #startOwn(options: StartOptions) {
    this.#own += 1
    const leave = () => (this.#own -= 1)
    const starting = Executor.start(options)
    starting.then(({ ended }) => ended.then(leave), leave)
    return starting
  }

  async #startShared(options: StartOptions): Promise<Executor> {
    const { definition, signal } = options
    const host = this.#chooseHost()
    try {
      const limitMs = this.#options.loadLimitMs ?? sharedLoadLimitMs
      const executor = await Executor.startIn(host, options, { limitMs })
      const { grownBytes, description } = executor
      if (isSmall({ grownBytes, batchMs: description.timing.batchMs }))
        return this.#share(executor, definition)
      this.#setApart(definition, 'it is not small')
      executor.stop()
      await executor.ended
      return await this.#startOwn(options)
    } catch (err) {
      if (!(err instanceof ExecutorDied) || signal?.aborted) throw err
      // another one ended the process before its turn came
      if (err.how === 'stopped' && err !== host.died) return this.#startShared(options)
      this.#setApart(definition, 'its executor ended while it was loaded')
      if (err.how === 'stopped') return this.#startOwn(options)
      throw err
    }
  }

  #share(executor: Executor, definition: ModelDefinition) {
    this.#shared.set(executor, definition)
    void executor.ended.then(() => {
      this.#shared.delete(executor)
      if (executor.endedAtWork) this.#strike(definition)
    })
    return executor
  }

  #strike(definition: ModelDefinition) {
    const strikes = (this.#strikes.get(definition.digest) ?? 0) + 1
    this.#strikes.set(definition.digest, strikes)
    if (strikes >= mostStrikes) this.#setApart(definition, 'its executor ended in its runs')
  }

  #setApart({ name: model, version, digest }: ModelDefinition, reason: string) {
    this.#apart.add(digest)
    this.#options.log.info({ model, version, reason }, 'version gets executors of its own')
  }

  /** The one with the fewest versions, once there are as many as cores. */
  #chooseHost() {
    const [emptiest] = [...this.#hosts].filter((host) => !host.isFull).sort((a, b) => a.versions - b.versions)
    return emptiest && this.#hosts.size >= this.#options.cores ? emptiest : this.#startHost()
  }

  #startHost() {
    const host = new ExecutorHost()
    this.#hosts.add(host)
    void host.ended.then(() => this.#hosts.delete(host))
    return host
  }

  async #look() {
    for (const [executor, definition] of this.#shared) {
      if (!isTooSlow(executor.slowestRunMs)) continue
      this.#setApart(definition, 'its runs are long')
      executor.stop()
    }
    const { leakBytes: most = leakBytes, log } = this.#options
    for (const host of this.#hosts) {
      const bytes = await readResidentBytes(host.pid)
      if (bytes <= most) continue
      log.warn({ pid: host.pid, bytes }, 'shared executor takes too much memory, and is replaced')
      host.stop()
    }
  }
}

/** Not awaited, so that versions come to executors in the order in which they are started. Undefined where it can't be told. */
const sizeOf = (path: string) => {
  try {
    return statSync(path).size
  } catch {
    return undefined
  }
}
