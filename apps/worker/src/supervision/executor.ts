import type { ChildProcess } from 'node:child_process'
import { JsonText, jsonOf } from '@onqueue/shared'
import { openRunChannel } from '../executor/run-channel.ts'
import type { RunChannel } from '../executor/run-channel.ts'
import { RunFailed } from '../executor/run-failed.ts'
import { nextRunId } from '../executor/run-messages.ts'
import type { RowAnswer, RunAnswer } from '../executor/run-messages.ts'
import type { RunTime } from '../executor/stopwatch.ts'
import type { RowError } from '../tasks/row-result.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { describeVersion } from './describe-version.ts'
import type { VersionDescription } from './describe-version.ts'
import { describeExit, ExecutorDied } from './executor-died.ts'
import { loadExecutor } from './load-executor.ts'

/** What became of a row. */
type RanRow = { ok: true; output: JsonText } | RowError

/** Results are in row order. */
type Ran = { results: RanRow[] } & RunTime

type Run = {
  runId: number
  onStart: () => void
  resolve: (answer: Ran) => void
  reject: (reason: Error) => void
}

/**
 * One executor: a child process that holds one loaded model version.
 *
 * It runs what it is sent strictly in order, so the first run in flight is the one that is running, and its time starts
 * when the one before it has ended. A run past the time limit can't be interrupted: the process is killed.
 */
export class Executor {
  readonly description: VersionDescription
  readonly #child: ChildProcess
  readonly #channel: RunChannel
  readonly #timeoutMs: number
  readonly #ended: Promise<ExecutorDied>
  #runs: Run[] = []
  #nextRunId = 1
  #timer: NodeJS.Timeout | undefined
  #timedOut = false
  #isStopped = false
  #died: ExecutorDied | undefined

  /** Starts the process and loads the model. Rejects as `loadExecutor` does. */
  static async start(options: {
    definition: ModelDefinition
    threads: number
    timeoutMs: number
    /** aborting it ends the process, while it loads and later */
    signal?: AbortSignal
  }): Promise<Executor> {
    const { definition, timeoutMs } = options
    const { child, loaded } = await loadExecutor(options)
    return new Executor(child, describeVersion(definition.settings, loaded), timeoutMs)
  }

  private constructor(child: ChildProcess, description: VersionDescription, timeoutMs: number) {
    this.#child = child
    this.description = description
    this.#timeoutMs = timeoutMs
    this.#channel = openRunChannel(child, (answer) => this.#answer(answer))
    this.#ended = new Promise((resolve) => {
      const onExit = (code: number | null, signal: NodeJS.Signals | null) => {
        clearTimeout(this.#timer)
        const died = this.#explainEnd(code, signal)
        this.#died = died
        const [current, ...next] = this.#runs.splice(0)
        current?.reject(died)
        // they had not begun
        for (const run of next)
          run.reject(new ExecutorDied('stopped', `ended with the run before: it ${died.message}`))
        resolve(died)
      }
      if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode)
      else child.once('exit', onExit)
    })
  }

  get pid() {
    return this.#child.pid ?? 0
  }

  /** Runs that were sent and not answered. */
  get inFlight() {
    return this.#runs.length
  }

  get isGone() {
    return this.#died !== undefined
  }

  /** Resolves, never rejects, when the process is gone. */
  get ended() {
    return this.#ended
  }

  /** Runs rows together, each a value or a `JsonText`. `onStart` is called when its turn comes. Rejects with `RunFailed` or `ExecutorDied`. */
  run(rows: unknown[], onStart: () => void): Promise<Ran> {
    return new Promise((resolve, reject) => {
      if (this.#died) return reject(this.#died)
      const runId = this.#nextRunId
      this.#nextRunId = nextRunId(runId)
      this.#runs.push({ runId, onStart, resolve, reject })
      if (this.#runs.length === 1) this.#startFirst()
      this.#channel.send({ runId, rows: rows.map(jsonOf) })
    })
  }

  /** Ends it with the run that it is in. Nothing that was in flight is to blame. */
  stop() {
    this.#isStopped = true
    this.kill()
  }

  kill() {
    this.#child.kill('SIGKILL')
  }

  #explainEnd(code: number | null, signal: NodeJS.Signals | null) {
    if (this.#timedOut)
      return new ExecutorDied('timed_out', `did not finish within ${this.#timeoutMs / 1000} s`)
    if (this.#isStopped) return new ExecutorDied('stopped', 'was stopped: nobody waited for its run any more')
    return new ExecutorDied('crashed', describeExit(code, signal))
  }

  #answer(answer: RunAnswer | undefined) {
    // answers may still arrive after the exit, when their runs were given up on
    if (this.#died) return
    const run = this.#runs[0]
    // an executor that answers out of order, or something else, can't be trusted with another row
    if (!answer || run?.runId !== answer.runId) return this.kill()
    this.#runs.shift()
    clearTimeout(this.#timer)
    this.#startFirst()
    if (answer.kind === 'failed') return run.reject(new RunFailed(answer.detail))
    const { results, runMs, computeMs } = answer
    run.resolve({ results: results.map(toRanRow), runMs, computeMs })
  }

  #startFirst() {
    const [first] = this.#runs
    if (!first) return
    first.onStart()
    this.#timer = setTimeout(() => {
      this.#timedOut = true
      this.kill()
    }, this.#timeoutMs)
  }
}

const toRanRow = (answer: RowAnswer): RanRow =>
  answer.ok ? { ok: true, output: new JsonText(answer.output) } : answer
