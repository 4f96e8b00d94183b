import type { Logger } from '@onqueue/shared'
import type { BatchFile } from '../executor/batch/batch-file.ts'
import type { FinishWork } from '../executor/batch/finish-file.ts'
import type { PlanCursor } from '../executor/batch/plan-chunks.ts'
import type { PlanStep } from '../executor/batch/plan-file.ts'
import type { ChunkScore } from '../executor/batch/score-chunk.ts'
import type { ChunkWork } from '../executor/batch/score-to-storage.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { ExecutorPlace } from './executor-place.ts'
import { ExecutorPlaces } from './executor-places.ts'
import { Floor } from './floor.ts'
import { finishInPlace } from './finish-in-place.ts'
import { planInPlace } from './plan-in-place.ts'
import type { Priority } from './priority.ts'
import { scoreInPlace } from './score-in-place.ts'
import type { ConvictionCode } from './suspicion.ts'

export type ScoreRequest = ChunkWork & {
  definition: ModelDefinition
  /** rows that are passed over, with what is said of them */
  convicted: ReadonlyMap<number, ConvictionCode>
  /** A row ended executors, and is passed over from now on: awaited before the chunk goes on. */
  onConvicted: (row: number, code: ConvictionCode) => Promise<void>
  signal: AbortSignal
}

export type PlanRequest = {
  definition: ModelDefinition
  file: BatchFile
  /** where it goes on: of a file that nothing is planned of yet all is 0, but for the line, which is 1 */
  cursor: PlanCursor
  /** where in the storage what the output begins with is put */
  headerName: string
  /** what a row takes, as an earlier step of the same file said */
  rowMs: number | undefined
  /** Awaited before more is read; false from it ends the planning. */
  onPlanned: (step: PlanStep) => Promise<boolean>
  signal: AbortSignal
}

export type FinishRequest = FinishWork & { definition: ModelDefinition; signal: AbortSignal }

/** The processes that plan and score the files of batches. Both reject with the signal's reason. */
export type BatchExecutors = {
  /**
   * Plans a file from a cursor on. Rejects with `InvalidFile` where it can't be read, a sentence for whoever sent it; as `score`
   * does else.
   */
  plan(request: PlanRequest): Promise<void>
  /**
   * Scores a chunk, whatever its rows do to the executor, and puts its parts under their names (that of errors only where there
   * are some). Rejects with `VersionRefused` where the version can't be loaded, `ExecutorDied` where another try may do better,
   * and an `AppError` where the storage can't be used.
   */
  score(request: ScoreRequest): Promise<ChunkScore>
  /** Puts what the output of a file ends with, all chunks of which are scored; resolves to the bytes of that. Rejects as `score` does. */
  finish(request: FinishRequest): Promise<number>
  /** Those that are there. */
  executors(): Promise<ExecutorFigures[]>
  /** Ends all, with what they are at. */
  close(): Promise<void>
}

/** `rows`: that it has scored. */
type ExecutorFigures = {
  pid: number
  model: string
  version: string
  rows: number
  cpuMs: number
}

export const createBatchExecutors = ({
  storageRoot,
  cores,
  mostExecutors = cores,
  priority,
  idleMs = 60_000,
  starvedAfterMs = 60_000,
  log,
}: {
  storageRoot: string
  cores: number
  mostExecutors?: number | undefined
  /** `idle` where it is not given */
  priority?: Priority | undefined
  /** for so long one is kept that is not used */
  idleMs?: number
  /** for so long one may get next to nothing of the cores */
  starvedAfterMs?: number
  log: Logger
}): BatchExecutors => {
  const closing = new AbortController()
  const underWay = new Set<Promise<unknown>>()
  const floor = new Floor({ now: () => performance.now(), asked: priority })
  const threads = Math.max(1, Math.floor(cores / mostExecutors))
  const places = new ExecutorPlaces({
    most: mostExecutors,
    idleMs,
    create: (scored) => new ExecutorPlace(scored, { storageRoot, threads, starvedAfterMs, floor }),
  })

  const inPlace = async <Result>(
    { definition, file, signal }: Pick<ScoreRequest, 'definition' | 'file' | 'signal'>,
    act: (place: ExecutorPlace, signal: AbortSignal) => Promise<Result>,
  ) => {
    const until = AbortSignal.any([signal, closing.signal])
    const scored = { definition, microBatchRows: file.microBatchRows }
    const acting = places.use(scored, until, (place) => act(place, until))
    underWay.add(acting)
    return acting.finally(() => underWay.delete(acting))
  }

  return {
    plan: (request) =>
      inPlace(request, (place, signal) => planInPlace(place, { ...request, signal, floor, log })),
    score: (request) =>
      inPlace(request, (place, signal) => scoreInPlace(place, { ...request, signal, floor, log })),
    finish: (request) =>
      inPlace(request, (place, signal) => finishInPlace(place, { ...request, signal, floor, log })),
    executors: async () => {
      const figures = places.all.map(async ({ scored: { definition }, executor }) => {
        if (!executor) return []
        const { pid, rows } = executor
        const { name: model, version } = definition
        return [{ pid, model, version, rows, cpuMs: (await executor.readCpuMs()) ?? 0 }]
      })
      return (await Promise.all(figures)).flat()
    },
    close: async () => {
      closing.abort(new Error('the worker ends'))
      await Promise.allSettled(underWay)
      await places.close()
    },
  }
}
