import {
  AppError,
  missedDeadline,
  modelKeys,
  modelOfPredictionId,
  parseOutcome,
  predictionJobSchema,
} from '@onqueue/shared'
import type { OutcomeWriter, PredictionRecord, QueuePlace } from '@onqueue/shared'
import { Job } from 'bullmq'
import type { Redis } from 'ioredis'
import type { ModelCatalog } from './model-catalog.ts'
import type { PredictionQueues } from './prediction-queues.ts'

/** Reads predictions: the job, the outcome and the input, wherever it is kept. */
export type PredictionReader = {
  /**
   * The prediction, or null where there is none or it is somebody else's. `owner: null` reads anybody's.
   * One whose deadline has passed is ended first, so that deadlines hold where no worker is alive.
   */
  find(id: string, owner: string | null): Promise<PredictionRecord | null>
  /** As `find`, but throws `prediction_not_found`. */
  read(id: string, owner: string | null): Promise<PredictionRecord>
  /** Where a queued prediction stands; undefined where it isn't in line (any more). */
  placeOf(record: PredictionRecord): Promise<QueuePlace | undefined>
}

type Options = {
  redis: Redis
  namespace: string
  queues: PredictionQueues
  catalog: Pick<ModelCatalog, 'get'>
  outcomes: OutcomeWriter
  retentionMs: number
  clock?: () => number
}

/** The owner of predictions that were deleted while they ran: nobody. */
export const forgottenOwner = ''

export const createPredictionReader = (options: Options): PredictionReader => {
  const { redis, namespace, queues, catalog, outcomes, retentionMs, clock = Date.now } = options

  const find = async (id: string, owner: string | null): Promise<PredictionRecord | null> => {
    const model = modelOfPredictionId(id)
    if (model === undefined || !catalog.get(model)) return null
    const keys = modelKeys(namespace, model)
    const [job, outcomeText] = await Promise.all([
      Job.fromId(queues.open(model), id),
      redis.get(keys.outcome(id)),
    ])
    if (!job) return null
    const data = predictionJobSchema.parse(job.data)
    if (data.owner === forgottenOwner || (owner !== null && data.owner !== owner)) return null
    const inputText = 'input' in data ? null : await redis.get(keys.input(id))
    const record: PredictionRecord = {
      id,
      job: data,
      input: 'input' in data ? data.input : inputText === null ? null : JSON.parse(inputText),
      takenAt: job.processedOn ?? null,
      outcome: outcomeText === null ? null : parseOutcome(outcomeText),
    }
    return record.outcome ? record : endOverdue(record)
  }

  const endOverdue = async (record: PredictionRecord): Promise<PredictionRecord> => {
    const { id, job, takenAt } = record
    const missed = missedDeadline({ deadline: job.deadline, takenAt, now: clock() })
    if (!missed) return record
    const { outcome } = await outcomes.write(id, missed, { rows: job.arrayLength ?? 1 })
    return { ...record, outcome }
  }

  return {
    find,
    read: async (id, owner) => {
      const record = await find(id, owner)
      if (!record) throw predictionNotFound(retentionMs)
      return record
    },
    placeOf: async ({ id, job, takenAt, outcome }) => {
      if (outcome || takenAt !== null) return undefined
      const rank = await redis.zrank(modelKeys(namespace, job.model).queue('prioritized'), id)
      if (rank === null) return undefined
      const rate =
        catalog.get(job.model)?.heartbeats.reduce((sum, { rowsPerSecond }) => sum + rowsPerSecond, 0) ?? 0
      return { position: rank + 1, etaSeconds: rate === 0 ? null : Math.ceil((rank + 1) / rate) }
    },
  }
}

const predictionNotFound = (retentionMs: number) => {
  const hours = Math.round(retentionMs / 360_000) / 10
  return new AppError(
    'prediction_not_found',
    `no such prediction; finished ones are kept for ${hours} h, and shorter when memory is short`,
  )
}
