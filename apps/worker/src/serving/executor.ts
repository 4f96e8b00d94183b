import type { ChildProcess } from 'node:child_process'
import { forkExecutor } from '../executor/fork-executor.ts'
import { fromExecutorSchema } from '../executor/protocol.ts'
import type { Loaded, ToExecutor } from '../executor/protocol.ts'
import { RunFailed } from '../executor/run-failed.ts'
import type { RowResult } from '../tasks/row-result.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { describeVersion } from './describe-version.ts'
import type { VersionDescription } from './describe-version.ts'

/** The executor is gone, and with it the answers to all that was in flight. */
export class ExecutorDied extends Error {
  override readonly name = 'ExecutorDied'
  readonly how: 'crashed' | 'timed_out'

  constructor(how: 'crashed' | 'timed_out', detail: string) {
    super(detail)
    this.how = how
  }
}

/** The model version can't be served at all: the sentence says why. */
export class VersionRefused extends Error {
  override readonly name = 'VersionRefused'
}

type Run = {
  runId: number
  onStart: () => void
  resolve: (answer: { results: RowResult[]; runMs: number }) => void
  reject: (reason: Error) => void
}

/** Large models take long to load; one that takes this long hangs. */
const loadLimitMs = 10 * 60_000

/**
 * One executor: a child process that holds one loaded model version.
 *
 * It runs what it is sent strictly in order, so the first run in flight is the one that is running, and its time starts
 * when the one before it has ended. A run past the time limit can't be interrupted: the process is killed.
 */
export class Executor {
  readonly description: VersionDescription
  readonly #child: ChildProcess
  readonly #timeoutMs: number
  readonly #ended: Promise<ExecutorDied>
  #runs: Run[] = []
  #nextRunId = 1
  #timer: NodeJS.Timeout | undefined
  #timedOut = false
  #died: ExecutorDied | undefined

  /**
   * Starts the process and loads the model. Rejects with `VersionRefused`, or `ExecutorDied` when it dies while loading;
   * the process is gone then. Aborting the signal ends the process, while it loads and later.
   */
  static async start(options: {
    definition: ModelDefinition
    threads: number
    timeoutMs: number
    signal?: AbortSignal
  }): Promise<Executor> {
    const { definition, threads, timeoutMs, signal } = options
    const child = forkExecutor()
    const loading = Promise.withResolvers<Loaded>()
    const gone = Promise.withResolvers<void>()
    const kill = () => child.kill('SIGKILL')
    child.once('message', (message) => {
      const { data: answer } = fromExecutorSchema.safeParse(message)
      if (answer?.type === 'loaded') loading.resolve(answer)
      else if (answer?.type === 'refused') loading.reject(toRefused(answer))
      else loading.reject(new ExecutorDied('crashed', 'did not say whether it loaded the model'))
    })
    // where it could not be started there is no exit; a message that can't be sent any more is followed by one
    child.on('error', (err) => {
      loading.reject(err)
      if (child.pid === undefined) gone.resolve()
    })
    child.once('exit', (code, endedBy) => {
      loading.reject(new ExecutorDied('crashed', describeExit(code, endedBy)))
      gone.resolve()
    })
    const loadTimer = setTimeout(() => {
      loading.reject(new VersionRefused(`did not load within ${loadLimitMs / 60_000} minutes`))
    }, loadLimitMs)
    // it has to go even when nobody waits for it any more
    signal?.addEventListener('abort', kill)
    void gone.promise.then(() => signal?.removeEventListener('abort', kill))
    // nobody waits for it where the message can't be sent
    loading.promise.catch(() => undefined)
    try {
      if (signal?.aborted) kill()
      else send(child, { type: 'load', definition, threads })
      const description = describeVersion(definition.settings, await loading.promise)
      return new Executor(child, description, timeoutMs)
    } catch (err) {
      kill()
      await gone.promise
      throw err
    } finally {
      clearTimeout(loadTimer)
    }
  }

  private constructor(child: ChildProcess, description: VersionDescription, timeoutMs: number) {
    this.#child = child
    this.description = description
    this.#timeoutMs = timeoutMs
    child.on('message', (message) => this.#answer(message))
    this.#ended = new Promise((resolve) => {
      const onExit = (code: number | null, signal: NodeJS.Signals | null) => {
        clearTimeout(this.#timer)
        const died = new ExecutorDied(
          this.#timedOut ? 'timed_out' : 'crashed',
          this.#timedOut ? `did not finish within ${timeoutMs / 1000} s` : describeExit(code, signal),
        )
        this.#died = died
        const [current, ...next] = this.#runs.splice(0)
        current?.reject(died)
        // only the one that was running was too slow
        for (const run of next)
          run.reject(new ExecutorDied('crashed', `ended with the run before: it ${died.message}`))
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

  /** Resolves, never rejects, when the process is gone. */
  get ended() {
    return this.#ended
  }

  /**
   * Runs rows together; results are in row order. `onStart` is called when its turn comes. Rejects with `RunFailed` or
   * `ExecutorDied`.
   */
  run(rows: unknown[], onStart: () => void): Promise<{ results: RowResult[]; runMs: number }> {
    return new Promise((resolve, reject) => {
      if (this.#died) return reject(this.#died)
      const runId = this.#nextRunId++
      this.#runs.push({ runId, onStart, resolve, reject })
      if (this.#runs.length === 1) this.#startFirst()
      if (this.#child.connected) send(this.#child, { type: 'run', runId, rows })
    })
  }

  kill() {
    this.#child.kill('SIGKILL')
  }

  #answer(message: unknown) {
    // messages may still arrive after the exit, when their runs were given up on
    if (this.#died) return
    const { data: answer } = fromExecutorSchema.safeParse(message)
    if (answer?.type !== 'ran' && answer?.type !== 'run-failed') return this.kill()
    const run = this.#runs[0]
    // an executor that answers out of order can't be trusted with another row
    if (run?.runId !== answer.runId) return this.kill()
    this.#runs.shift()
    clearTimeout(this.#timer)
    this.#startFirst()
    if (answer.type === 'ran') run.resolve({ results: answer.results, runMs: answer.runMs })
    else run.reject(new RunFailed(answer.detail))
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

/** The log of the worker shows the stack of the cause, too: that is where in the executor a defect is. */
const toRefused = ({ reason, stack }: { reason: string; stack?: string | undefined }) => {
  if (stack === undefined) return new VersionRefused(reason)
  const defect = new Error(reason)
  defect.stack = stack
  return new VersionRefused(reason, { cause: defect })
}

const send = (child: ChildProcess, message: ToExecutor) => child.send(message)

const describeExit = (code: number | null, signal: NodeJS.Signals | null) =>
  signal ? `was ended by ${signal}` : `ended with exit code ${code ?? 'unknown'}`
