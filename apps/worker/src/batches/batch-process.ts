import type { ChildProcess } from 'node:child_process'
import { fromBatchExecutorSchema } from '../executor/batch/batch-protocol.ts'
import type { FromBatchExecutor, ToBatchExecutor } from '../executor/batch/batch-protocol.ts'
import { forkBatchExecutor } from '../executor/batch/fork-batch-executor.ts'
import type { PlanStep } from '../executor/batch/plan-file.ts'
import { describeExit, ExecutorDied } from '../supervision/executor-died.ts'
import { readCpuMs } from './cpu-time.ts'
import { startLow } from './priority.ts'
import { Progress } from './progress.ts'
import type { Limits } from './progress.ts'
import type { Death, RowRange } from './suspicion.ts'

/** How it ended in the middle of what it was asked; `starved` where others left it nothing of the cores. */
export type Ended = { type: 'died'; died: ExecutorDied; death: Death } | { type: 'starved' }

type Reply = Exclude<FromBatchExecutor, { type: 'at' | 'ran' }> | Ended

type Question = {
  message: Extract<ToBatchExecutor, { type: 'load' | 'score' | 'plan' | 'finish' }>
  limits: Limits
  signal: AbortSignal
  /** takes steps of a plan but the last one; resolves to whether more are wanted */
  onPlanned?: (step: PlanStep) => Promise<boolean>
}

const lookMs = 500
/** A micro-batch can't be interrupted. */
const stopLimitMs = 5000

/**
 * The process of a batch executor, which is asked one thing at a time and killed where that hangs. How it ended is an answer like
 * others, since who asked goes on then.
 */
export class BatchProcess {
  /** Resolves, never rejects, when it is gone. */
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  readonly #isOnCpu: boolean
  #current: { question: Question; progress: Progress; resolve: (reply: Reply) => void } | undefined
  #running: RowRange | undefined
  #isTaking = false
  #killedFor: 'hanging' | 'starving' | 'stopping' | undefined
  #isGone = false

  /** `isOnCpu`: it does not only wait for another device that computes. */
  constructor({ isOnCpu, startsLow }: { isOnCpu: boolean; startsLow: boolean }) {
    this.#isOnCpu = isOnCpu
    this.#child = forkBatchExecutor()
    if (startsLow && this.#child.pid !== undefined) startLow(this.#child.pid)
    this.#child.on('message', (message) => this.#told(fromBatchExecutorSchema.safeParse(message).data))
    const gone = Promise.withResolvers<void>()
    this.ended = gone.promise
    const end = (detail: string, signal: NodeJS.Signals | null) => {
      this.#isGone = true
      this.#current?.resolve(this.#explainEnd(detail, signal))
      gone.resolve()
    }
    this.#child.once('exit', (code, signal) => end(describeExit(code, signal), signal))
    // where it could not be started there is no exit; a message that can't be sent any more is followed by one
    this.#child.on('error', (err) => {
      if (this.#child.pid === undefined) end(`could not be started (${err.message})`, null)
    })
  }

  get pid() {
    return this.#child.pid ?? 0
  }

  get isGone() {
    return this.#isGone
  }

  readCpuMs() {
    return readCpuMs(this.pid)
  }

  /** Resolves to what it says at the end. Rejects with the signal's reason once it has stopped, and with what `onPlanned` does. */
  async ask(question: Question): Promise<Reply> {
    const { message, limits, signal } = question
    signal.throwIfAborted()
    if (this.#isGone) return this.#explainEnd('was gone before', null)
    let killer: NodeJS.Timeout | undefined
    const onAbort = () => {
      if (message.type === 'load') return this.#kill('stopping')
      this.#send({ type: 'stop' })
      killer = setTimeout(() => this.#kill('stopping'), stopLimitMs)
    }
    const progress = new Progress(limits)
    const looks = setInterval(() => void this.#look(progress), lookMs)
    signal.addEventListener('abort', onAbort)
    try {
      const reply = await new Promise<Reply>((resolve) => {
        this.#current = { question, progress, resolve }
        this.#send(message)
      })
      signal.throwIfAborted()
      return reply
    } finally {
      signal.removeEventListener('abort', onAbort)
      clearTimeout(killer)
      clearInterval(looks)
      this.#current = undefined
      this.#running = undefined
    }
  }

  /** Ends it. Resolves when it is gone. */
  async stop() {
    this.#kill('stopping')
    await this.ended
  }

  get #isComputing() {
    return this.#current?.question.message.type === 'score' ? this.#running !== undefined : !this.#isTaking
  }

  async #look(progress: Progress) {
    const now = performance.now()
    const cpuMs = (this.#isOnCpu ? await this.readCpuMs() : undefined) ?? now
    if (progress !== this.#current?.progress) return
    const found = progress.look({ now, cpuMs, isComputing: this.#isComputing })
    if (found === 'hangs') this.#kill('hanging')
    if (found === 'starves') this.#kill('starving')
  }

  #told(message: FromBatchExecutor | undefined) {
    this.#current?.progress.moved()
    if (message?.type === 'at') this.#running = [message.row, message.row + message.rows - 1]
    else if (message?.type === 'ran') this.#running = undefined
    else if (message?.type === 'planned' && !message.step.isLast) void this.#take(message.step)
    else if (message && this.#current) this.#current.resolve(message)
    // an executor that says something else can't be trusted with another row
    else this.#kill('stopping')
  }

  async #take(step: PlanStep) {
    this.#isTaking = true
    const isWanted = await this.#current?.question.onPlanned?.(step)
    this.#isTaking = false
    this.#send({ type: isWanted ? 'go-on' : 'stop' })
  }

  #send(message: ToBatchExecutor) {
    if (this.#child.connected) this.#child.send(message)
  }

  #kill(reason: 'hanging' | 'starving' | 'stopping') {
    this.#killedFor ??= reason
    this.#child.kill('SIGKILL')
  }

  #explainEnd(detail: string, signal: NodeJS.Signals | null): Ended {
    const rows = this.#running
    switch (this.#killedFor) {
      case 'starving':
        return { type: 'starved' }
      case 'hanging': {
        const died = new ExecutorDied('timed_out', 'did not come to an end within its time')
        return { type: 'died', died, death: { rows, how: 'timed_out' } }
      }
      case 'stopping': {
        const died = new ExecutorDied('stopped', 'was stopped')
        return { type: 'died', died, death: { rows: undefined, how: 'killed' } }
      }
      case undefined: {
        const died = new ExecutorDied('crashed', detail)
        return { type: 'died', died, death: { rows, how: signal === 'SIGKILL' ? 'killed' : 'crashed' } }
      }
    }
  }
}
