import type { ChildProcess } from 'node:child_process'
import { jsonOf } from '@onqueue/shared'
import { forkExecutor } from '../executor/fork-executor.ts'
import { fromExecutorSchema } from '../executor/protocol.ts'
import type { FromExecutor, LoadAnswer, ToExecutor } from '../executor/protocol.ts'
import { openRunChannel } from '../executor/run-channel.ts'
import type { RunChannel } from '../executor/run-channel.ts'
import { nextRunId } from '../executor/run-messages.ts'
import type { RunAnswer } from '../executor/run-messages.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { describeExit, describeLimit, ExecutorDied, untilEnd } from './executor-died.ts'
import { ExecutorTasks } from './executor-tasks.ts'
import type { Task } from './executor-tasks.ts'
import { Proofs } from './proofs.ts'
import { fullBytes, mostClosings, mostVersions } from './sharing.ts'

/** Large models take long to load; one that takes this long hangs. */
const loadLimitMs = 10 * 60_000

/** `limitMs`: for how long it may be loaded, once its turn has come. */
export type Load = { definition: ModelDefinition; threads: number; limitMs?: number | undefined }

/**
 * The process of an executor, in which versions are loaded, each in a place of its own.
 *
 * It does what it is sent strictly in order (executor-tasks.ts). Nothing can be interrupted: past its time limit the process is
 * killed.
 */
export class ExecutorHost {
  /** Resolves, never rejects, when the process is gone. */
  readonly ended: Promise<ExecutorDied>
  readonly proofs = new Proofs((message) => this.#send(message))
  readonly #child: ChildProcess
  readonly #channel: RunChannel
  readonly #places = new Set<number>()
  readonly #tasks = new ExecutorTasks((task) => this.#overdue(task))
  #nextPlace = 1
  #nextRunId = 1
  #closings = 0
  /** of all that was loaded */
  #memoryBytes = 0
  #timedOut: Task | undefined
  #isStopped = false
  #isEnding = false
  #died: ExecutorDied | undefined
  #guiltyPlace: number | undefined

  constructor() {
    this.#child = forkExecutor()
    this.#channel = openRunChannel(this.#child, (answer) => this.#ran(answer))
    this.#child.on('message', (message) => this.#told(fromExecutorSchema.safeParse(message).data))
    const onExit = (code: number | null, signal: NodeJS.Signals | null) => this.#explainEnd(code, signal)
    this.ended = untilEnd(this.#child, onExit).then((died) => {
      this.#end(died)
      return died
    })
  }

  get pid() {
    return this.#child.pid ?? 0
  }

  /** Versions that are loaded here, or are to be. */
  get versions() {
    return this.#places.size
  }

  /** No other version should be loaded here. */
  get isFull() {
    return (
      this.#isEnding ||
      this.#places.size >= mostVersions ||
      this.#closings >= mostClosings ||
      this.#memoryBytes >= fullBytes
    )
  }

  /** How it ended, which is also what the run or load is rejected with that it was at; undefined while it lives. */
  get died() {
    return this.#died
  }

  /** It is gone, or will be soon. */
  get isEnding() {
    return this.#isEnding
  }

  /** The place of the version in whose run or load it died; undefined where it was at rest. */
  get guiltyPlace() {
    return this.#guiltyPlace
  }

  /** Sees a version to a place, which it has until it leaves. */
  enter() {
    const place = this.#nextPlace
    this.#nextPlace += 1
    this.#places.add(place)
    return place
  }

  /** Resolves to what the process says. Rejects with `ExecutorDied`. */
  load(place: number, { definition, threads, limitMs = loadLimitMs }: Load): Promise<LoadAnswer | undefined> {
    return new Promise((resolve, reject) => {
      const message: ToExecutor = { type: 'load', place, definition, threads }
      this.#add({
        kind: 'load',
        place,
        limitMs,
        limitSentence: `was not done within ${describeLimit(limitMs)}`,
        send: () => this.#send(message),
        onStart: () => undefined,
        resolve,
        reject,
      })
    })
  }

  /** Resolves to the answer. `onStart` is called when its turn comes. Rejects with `ExecutorDied`. */
  run(
    place: number,
    { rows, limitMs, onStart }: { rows: unknown[]; limitMs: number; onStart: () => void },
  ): Promise<RunAnswer> {
    return new Promise((resolve, reject) => {
      const runId = this.#nextRunId
      this.#nextRunId = nextRunId(runId)
      this.#add({
        kind: 'run',
        runId,
        place,
        limitMs,
        limitSentence: `did not finish within ${describeLimit(limitMs)}`,
        send: () => this.#channel.send({ runId, place, rows: rows.map(jsonOf) }),
        onStart,
        resolve,
        reject,
      })
    })
  }

  /**
   * A version goes; what it still has in flight is rejected as stopped. The process ends with the last one, and with one that it
   * runs just now, which can't be stopped otherwise. A version that loads goes when it has.
   */
  leave(place: number) {
    if (!this.#places.delete(place) || this.#isEnding) return
    this.proofs.end(place, undefined)
    this.#closings += 1
    const { current } = this.#tasks
    const isCurrent = current?.place === place && !this.#tasks.isDropped(current)
    if (this.#places.size === 0 || (isCurrent && current.kind === 'run')) return this.stop()
    this.#tasks.drop(place)
    if (!isCurrent) this.#send({ type: 'unload', place })
  }

  /** Ends it with what it is at. Nothing that was in flight is to blame. */
  stop() {
    this.#isStopped = true
    this.#kill()
  }

  #kill() {
    this.#isEnding = true
    this.#child.kill('SIGKILL')
  }

  #add(task: Task) {
    if (this.#died) return task.reject(this.#died)
    if (this.#places.has(task.place)) this.#tasks.add(task)
    else task.reject(new ExecutorDied('stopped', 'was left by its version'))
  }

  #send(message: ToExecutor) {
    this.#child.send(message)
  }

  #overdue(task: Task) {
    this.#timedOut = task
    this.#kill()
  }

  #ran(answer: RunAnswer | undefined) {
    // answers may still arrive after the exit, when their runs were given up on
    if (this.#died) return
    const { current } = this.#tasks
    // an executor that answers out of order, or something else, can't be trusted with another row
    if (!answer || current?.kind !== 'run' || current.runId !== answer.runId) return this.#kill()
    this.#tasks.next()
    current.resolve(answer)
  }

  #told(message: FromExecutor | undefined) {
    if (this.#died) return
    if (message?.type === 'proven') this.proofs.end(message.place, message.verdict)
    else this.#loaded(message)
  }

  #loaded(answer: LoadAnswer | undefined) {
    const { current } = this.#tasks
    if (current?.kind !== 'load') return this.#kill()
    if (answer?.type === 'loaded') this.#memoryBytes += answer.memoryBytes
    if (this.#tasks.isDropped(current)) this.#send({ type: 'unload', place: current.place })
    this.#tasks.next()
    current.resolve(answer)
  }

  #end(died: ExecutorDied) {
    this.#died = died
    this.#isEnding = true
    this.#guiltyPlace = this.#tasks.current?.place
    this.#tasks.end(died)
    this.proofs.endAll()
  }

  #explainEnd(code: number | null, signal: NodeJS.Signals | null) {
    if (this.#timedOut) return new ExecutorDied('timed_out', this.#timedOut.limitSentence)
    if (this.#isStopped) return new ExecutorDied('stopped', 'was stopped: nobody waited for its run any more')
    return new ExecutorDied('crashed', describeExit(code, signal))
  }
}
