import type { FinishWork } from '../executor/batch/finish-file.ts'
import type { PlanStep, PlanWork } from '../executor/batch/plan-file.ts'
import type { ChunkScore } from '../executor/batch/score-chunk.ts'
import type { ChunkWork } from '../executor/batch/score-to-storage.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { whyNotLoaded } from '../supervision/load-version.ts'
import { toError } from './batch-errors.ts'
import { BatchProcess } from './batch-process.ts'
import type { Ended } from './batch-process.ts'
import { givePriority } from './priority.ts'
import type { Priority } from './priority.ts'
import type { ConvictionCode, RowRange } from './suspicion.ts'

export type StartOptions = {
  definition: ModelDefinition
  /** of ONNX Runtime's own */
  threads: number
  storageRoot: string
  /** so many rows are to run together, if they may */
  microBatchRows: number
  priority: Priority
  /** for so long it may get next to nothing of the cores, if another priority gets more */
  starvedAfterMs: number
  signal: AbortSignal
}

const minuteMs = 60_000

/** A batch executor: a process in which a version is loaded, for chunks of files. It does one thing at a time. */
export class BatchExecutor {
  readonly #process: BatchProcess
  readonly #timeoutMs: number
  readonly #starvedAfterMs: number | undefined
  #rows = 0

  /** Rejects as `loadVersion` does, and with the signal's reason; nothing is left of it then. */
  static async start(options: StartOptions): Promise<BatchExecutor> {
    const { providers } = options.definition.settings
    const process = new BatchProcess({
      isOnCpu: providers.every((provider) => provider === 'cpu'),
      startsLow: options.priority !== 'normal',
    })
    try {
      await load(process, options)
      return new BatchExecutor(process, options, await givePriority(process.pid, options.priority))
    } catch (err) {
      await process.stop()
      throw err
    }
  }

  private constructor(process: BatchProcess, options: StartOptions, priority: Priority) {
    const { definition, threads, starvedAfterMs } = options
    this.#process = process
    this.#starvedAfterMs = priority === 'idle' ? starvedAfterMs : undefined
    this.#timeoutMs = definition.settings.timeout_s * 1000 * threads
  }

  get pid() {
    return this.#process.pid
  }

  get isGone() {
    return this.#process.isGone
  }

  /** What it has scored. */
  get rows() {
    return this.#rows
  }

  readCpuMs() {
    return this.#process.readCpuMs()
  }

  /** Scores a chunk. Rejects where the file or the storage is to blame, and with the signal's reason. */
  async score(
    work: ChunkWork & { careful: RowRange | undefined; convicted: ReadonlyMap<number, ConvictionCode> },
    signal: AbortSignal,
  ): Promise<{ type: 'scored'; score: ChunkScore } | Ended> {
    const clockMs = Math.max(10 * minuteMs, 20 * this.#timeoutMs)
    const reply = await this.#process.ask({
      message: { type: 'score', ...work },
      limits: { cpuMs: this.#timeoutMs, clockMs, starvedAfterMs: this.#starvedAfterMs },
      signal,
    })
    if (reply.type === 'failed') throw toError(reply)
    if (reply.type === 'scored') this.#rows += reply.score.rows
    return reply.type === 'scored' || reply.type === 'starved' || reply.type === 'died'
      ? reply
      : this.#outOfTurn(reply)
  }

  /** Plans a file; `onPlanned` is awaited before more is read, and false from it ends the planning. Rejects as `score` does. */
  async plan(
    work: PlanWork,
    onPlanned: (step: PlanStep) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<{ type: 'planned' } | Ended> {
    const failures: unknown[] = []
    let taking: Promise<boolean> = Promise.resolve(true)
    const take = (step: PlanStep) => {
      taking = onPlanned(step).catch((err: unknown) => {
        failures.push(err)
        return false
      })
      return taking
    }
    const asking = this.#process.ask({
      message: { type: 'plan', ...work },
      limits: { cpuMs: 10 * minuteMs, clockMs: 60 * minuteMs, starvedAfterMs: this.#starvedAfterMs },
      signal,
      onPlanned: take,
    })
    // whoever goes on from there has to know whether the last step was taken
    await asking.catch(() => undefined)
    await taking
    const reply = await asking
    if (failures.length > 0) throw failures[0]
    if (reply.type === 'failed') throw toError(reply)
    if (reply.type === 'planned') await onPlanned(reply.step)
    return reply.type === 'starved' || reply.type === 'died' ? reply : { type: 'planned' }
  }

  /** Puts what an output ends with. Rejects as `score` does. */
  async finish(
    work: FinishWork,
    signal: AbortSignal,
  ): Promise<{ type: 'finished'; footerBytes: number } | Ended> {
    const reply = await this.#process.ask({
      message: { type: 'finish', ...work },
      limits: { cpuMs: 10 * minuteMs, clockMs: 60 * minuteMs, starvedAfterMs: this.#starvedAfterMs },
      signal,
    })
    if (reply.type === 'failed') throw toError(reply)
    return reply.type === 'finished' || reply.type === 'starved' || reply.type === 'died'
      ? reply
      : this.#outOfTurn(reply)
  }

  /** Ends it. Resolves when it is gone. */
  stop() {
    return this.#process.stop()
  }

  /** It can't be trusted with another row. */
  async #outOfTurn({ type }: { type: string }): Promise<never> {
    await this.stop()
    throw new Error(`a batch executor said ${type} out of turn`)
  }
}

const load = async (
  process: BatchProcess,
  { definition, threads, storageRoot, microBatchRows, signal }: StartOptions,
) => {
  const reply = await process.ask({
    message: { type: 'load', definition, threads, storageRoot, microBatchRows },
    // on a busy machine it gets a tenth of a core, and large models take long on a quiet one
    limits: { cpuMs: 10 * minuteMs * threads, clockMs: 120 * minuteMs, starvedAfterMs: undefined },
    signal,
  })
  if (reply.type === 'refused' || reply.type === 'load-failed') throw whyNotLoaded(reply)
  if (reply.type === 'died') throw reply.died
  if (reply.type !== 'loaded') throw whyNotLoaded(undefined)
}
