import { AppError, missedDeadline, modelOfPredictionId, readPredictionRecord } from '@onqueue/shared'
import type {
  DeliveryStore,
  OutcomeWriter,
  PredictionQueues,
  PredictionRecord,
  QueuePlace,
  RedisStore,
} from '@onqueue/shared'
import type { ModelCatalog } from '../models/model-catalog.ts'
import { readQueuePlace } from './read-queue-place.ts'
import { createWebhookStatusReader } from './webhook-status.ts'

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

type Options = RedisStore & {
  queues: PredictionQueues
  catalog: Pick<ModelCatalog, 'get'>
  outcomes: OutcomeWriter
  deliveries: DeliveryStore
  retentionMs: number
  clock?: () => number
}

export const createPredictionReader = (options: Options): PredictionReader => {
  const { redis, namespace, queues, catalog, outcomes, deliveries, retentionMs, clock = Date.now } = options
  const readWebhookStatus = createWebhookStatusReader({ redis, namespace, deliveries })

  const find = async (id: string, owner: string | null): Promise<PredictionRecord | null> => {
    const model = modelOfPredictionId(id)
    if (model === undefined || !catalog.get(model)) return null
    const record = await readPredictionRecord({ redis, namespace, queue: queues.open(model) }, model, id)
    if (!record || (owner !== null && record.job.owner !== owner)) return null
    return withWebhookStatus(record.outcome ? record : await endOverdue(record))
  }

  const withWebhookStatus = async (record: PredictionRecord): Promise<PredictionRecord> => {
    const webhookStatus = await readWebhookStatus(record)
    return webhookStatus === undefined ? record : { ...record, webhookStatus }
  }

  const endOverdue = async (record: PredictionRecord): Promise<PredictionRecord> => {
    const { id, job, takenAt } = record
    const missed = missedDeadline({ deadline: job.deadline, takenAt, now: clock() })
    if (!missed) return record
    const { outcome } = await outcomes.write(id, missed, job)
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
      return readQueuePlace({ redis, namespace }, { id, model: job.model, entry: catalog.get(job.model) })
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
