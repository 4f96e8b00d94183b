import { setTimeout as delay } from 'node:timers/promises'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { RestartPace } from '../supervision/restart-pace.ts'
import { BatchExecutor } from './batch-executor.ts'
import type { StartOptions } from './batch-executor.ts'
import type { Floor } from './floor.ts'

/** A version, and how many rows of it are to run together. */
export type Scored = { definition: ModelDefinition; microBatchRows: number }

/**
 * A place for the batch executor of a version: one that died is followed by another one, at the pace of those of callers: but not where
 * it died of rows that were found guilty, since the next one passes over these.
 */
export class ExecutorPlace {
  readonly scored: Scored
  readonly pace = new RestartPace()
  readonly #start: (options: Pick<StartOptions, 'priority' | 'signal'>) => Promise<BatchExecutor>
  readonly #floor: Floor
  #executor: BatchExecutor | undefined

  constructor(
    scored: Scored,
    options: Pick<StartOptions, 'threads' | 'storageRoot' | 'starvedAfterMs'> & { floor: Floor },
  ) {
    const { floor, ...common } = options
    this.scored = scored
    this.#floor = floor
    this.#start = (own) => BatchExecutor.start({ ...scored, ...common, ...own })
  }

  /** The one that lives here. */
  get executor() {
    return this.#executor?.isGone === false ? this.#executor : undefined
  }

  /** The one that lives here, or a new one. Rejects as `BatchExecutor.start` does. */
  async open(signal: AbortSignal): Promise<BatchExecutor> {
    const priority = this.#floor.priority()
    const { executor } = this
    if (executor) return executor
    await delay(this.pace.delayMs, undefined, { signal })
    this.#executor = await this.#start({ priority, signal })
    return this.#executor
  }

  async end() {
    await this.#executor?.stop()
  }
}
