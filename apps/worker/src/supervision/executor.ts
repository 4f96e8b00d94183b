import { JsonText } from '@onqueue/shared'
import { RunFailed } from '../executor/run-failed.ts'
import type { RowAnswer } from '../executor/run-messages.ts'
import type { RunTime } from '../executor/stopwatch.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { RowError } from '../tasks/row-result.ts'
import type { Loaded, Verdict } from '../executor/protocol.ts'
import { describeVersion } from './describe-version.ts'
import type { VersionDescription } from './describe-version.ts'
import { ExecutorDied } from './executor-died.ts'
import { ExecutorHost } from './executor-host.ts'
import { loadVersion } from './load-version.ts'

/** What became of a row. */
type RanRow = { ok: true; output: JsonText } | RowError

/** Results are in row order. */
type Ran = { results: RanRow[] } & RunTime

export type StartOptions = {
  definition: ModelDefinition
  threads: number
  /** of a run */
  timeoutMs: number
  /** aborting it ends the executor, while it loads and later */
  signal?: AbortSignal
}

/** Rejects as `loadVersion` does; nothing is left of it then. */
export type StartExecutor = (options: StartOptions) => Promise<Executor>

/**
 * An executor as one version sees it: a process in which it is loaded. Others may be loaded there, too, and what they run comes
 * in between.
 */
export class Executor {
  readonly description: VersionDescription
  /** by how much the process grew when the version was loaded */
  readonly grownBytes: number
  readonly #tenancy: Tenancy
  readonly #timeoutMs: number
  #slowestRunMs = 0

  /** Starts a process for this version alone. Rejects as `startIn` does. */
  static start(options: StartOptions): Promise<Executor> {
    return Executor.startIn(new ExecutorHost(), options)
  }

  /** Loads a version in a process that is there. Rejects as `loadVersion` does; nothing is left of it then. */
  static async startIn(
    host: ExecutorHost,
    options: StartOptions,
    { limitMs }: { limitMs?: number } = {},
  ): Promise<Executor> {
    const { definition, threads } = options
    const tenancy = new Tenancy(host, options.signal)
    try {
      const loaded = await loadVersion(host, tenancy.place, { definition, threads, limitMs })
      return new Executor(options, loaded, tenancy)
    } catch (err) {
      tenancy.leave()
      await tenancy.ended
      throw err
    }
  }

  private constructor({ definition, timeoutMs }: StartOptions, loaded: Loaded, tenancy: Tenancy) {
    this.description = describeVersion(definition.settings, loaded)
    this.grownBytes = loaded.grownBytes
    this.#tenancy = tenancy
    this.#timeoutMs = timeoutMs
  }

  get pid() {
    return this.#tenancy.host.pid
  }

  get isGone() {
    return this.#tenancy.isOver
  }

  /** Whether the process ended in a run of this version. */
  get endedAtWork() {
    const { host, place } = this.#tenancy
    return host.guiltyPlace === place
  }

  /** What its longest run computed. */
  get slowestRunMs() {
    return this.#slowestRunMs
  }

  /** Resolves, never rejects, when the version is not loaded there any more. */
  get ended() {
    return this.#tenancy.ended
  }

  /** Runs rows together, each a value or a `JsonText`. `onStart` is called when its turn comes. Rejects with `RunFailed` or `ExecutorDied`. */
  async run(rows: unknown[], onStart: () => void): Promise<Ran> {
    const { host, place } = this.#tenancy
    const answer = await host.run(place, { rows, limitMs: this.#timeoutMs, onStart })
    if (answer.kind === 'failed') throw new RunFailed(answer.detail)
    const { results, runMs, computeMs } = answer
    this.#slowestRunMs = Math.max(this.#slowestRunMs, computeMs)
    return { results: results.map(toRanRow), runMs, computeMs }
  }

  /** Whether rows may share a run, by those that it ran meanwhile; undefined where that came to no end. */
  async prove(): Promise<Verdict | undefined> {
    const { host, place } = this.#tenancy
    return this.isGone ? undefined : host.proofs.ask(place)
  }

  /** So many rows may share a run. */
  share(maxRows: number) {
    const { host, place } = this.#tenancy
    if (!this.isGone) host.proofs.tell(place, maxRows)
  }

  /** Ends it with the run that it is in. Nothing that was in flight is to blame. */
  stop() {
    this.#tenancy.leave()
  }
}

/** The stay of a version in the process of an executor. Aborting the signal ends it. */
class Tenancy {
  readonly host: ExecutorHost
  readonly place: number
  readonly ended: Promise<ExecutorDied>
  readonly #left = Promise.withResolvers<ExecutorDied>()
  #hasLeft = false

  constructor(host: ExecutorHost, signal: AbortSignal | undefined) {
    const onAbort = () => this.leave()
    this.host = host
    this.place = host.enter()
    this.ended = this.#left.promise
    void host.ended.then((died) => this.#left.resolve(this.#explain(died)))
    void this.ended.then(() => signal?.removeEventListener('abort', onAbort))
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
  }

  get isOver() {
    return this.#hasLeft || this.host.died !== undefined
  }

  leave() {
    this.host.leave(this.place)
    // where the process ends with it that is waited for
    if (this.host.isEnding) return
    this.#hasLeft = true
    this.#left.resolve(new ExecutorDied('stopped', 'was left: its version went'))
  }

  /** In the work of another version it did not die of this one. */
  #explain(died: ExecutorDied) {
    const { guiltyPlace } = this.host
    const isOthers = guiltyPlace !== undefined && guiltyPlace !== this.place
    if (died.how === 'stopped' || !isOthers) return died
    return new ExecutorDied('stopped', `ended with what it ran for another version: it ${died.message}`)
  }
}

const toRanRow = (answer: RowAnswer): RanRow =>
  answer.ok ? { ok: true, output: new JsonText(answer.output) } : answer
