import type { LoadAnswer } from '../executor/protocol.ts'
import type { RunAnswer } from '../executor/run-messages.ts'
import { ExecutorDied } from './executor-died.ts'

/** A run or a load that was asked for and has not ended. */
export type Task = {
  /** of the version that it is of */
  place: number
  /** it may take so long once its turn has come */
  limitMs: number
  /** what is said where it takes longer */
  limitSentence: string
  send: () => void
  onStart: () => void
  reject: (reason: Error) => void
} & (
  | { kind: 'run'; runId: number; resolve: (answer: RunAnswer) => void }
  | { kind: 'load'; resolve: (answer: LoadAnswer | undefined) => void }
)

/**
 * What an executor has to do, in its order. The first task is the one that it is at, and the time of a task starts when the one
 * before it has ended. Runs are sent ahead; a load is sent when nothing else is under way, and nothing behind it, since it comes
 * by another channel.
 */
export class ExecutorTasks {
  readonly #onOverdue: (task: Task) => void
  readonly #tasks: Task[] = []
  /** so many of the first tasks were sent */
  #sent = 0
  /** were sent, and nobody waits for them any more */
  readonly #dropped = new WeakSet<Task>()
  #timer: NodeJS.Timeout | undefined

  constructor(onOverdue: (task: Task) => void) {
    this.#onOverdue = onOverdue
  }

  /** The task that the executor is at. */
  get current() {
    return this.#sent > 0 ? this.#tasks[0] : undefined
  }

  isDropped(task: Task) {
    return this.#dropped.has(task)
  }

  add(task: Task) {
    this.#tasks.push(task)
    this.#sendMore()
  }

  /** Rejects those of a version. What was sent still has to end. */
  drop(place: number) {
    for (const task of this.#tasks.filter((one) => one.place === place && !this.#dropped.has(one))) {
      const index = this.#tasks.indexOf(task)
      if (index < this.#sent) this.#dropped.add(task)
      else this.#tasks.splice(index, 1)
      task.reject(new ExecutorDied('stopped', 'was left by its version'))
    }
    this.#sendMore()
  }

  /** The current task has ended: the next one has its turn. */
  next() {
    clearTimeout(this.#timer)
    this.#tasks.shift()
    this.#sent -= 1
    if (this.current) this.#start(this.current)
    this.#sendMore()
  }

  /** Rejects all: the current one with how the executor died, the others as such that had not begun. */
  end(died: ExecutorDied) {
    clearTimeout(this.#timer)
    const { current } = this
    const behind = new ExecutorDied('stopped', `ended with what it was at before: it ${died.message}`)
    this.#sent = 0
    for (const task of this.#tasks.splice(0)) task.reject(task === current ? died : behind)
  }

  #sendMore() {
    for (let next = this.#tasks[this.#sent]; next; next = this.#tasks[this.#sent]) {
      const isAlone = next.kind === 'load' || this.#tasks[0]?.kind === 'load'
      if (isAlone && this.#sent > 0) return
      this.#sent += 1
      if (this.#sent === 1) this.#start(next)
      next.send()
    }
  }

  #start(task: Task) {
    if (!this.#dropped.has(task)) task.onStart()
    this.#timer = setTimeout(() => this.#onOverdue(task), task.limitMs)
  }
}
