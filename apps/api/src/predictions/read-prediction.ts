import { AppError, missedDeadline, modelOfPredictionId } from '@onqueue/shared'
import type { DatedStore, DeliveryStore, OutcomeWriter, PredictionRecord, QueuePlace } from '@onqueue/shared'
import type { ModelCatalog } from '../models/model-catalog.ts'
import { placeIn, readQueuePlace } from './read-queue-place.ts'
import { createReadTogether } from './read-together.ts'
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
  /** A few of an owner, in order: what `read` would throw, and which one it is, stands in place of one that is not found. */
  readEach(ids: readonly string[], owner: string): Promise<FoundPrediction[]>
  /** Where a queued prediction stands, or stood when it was read; undefined where it isn't in line (any more). */
  placeOf(record: PredictionRecord): QueuePlace | Promise<QueuePlace | undefined> | undefined
}

export type FoundPrediction = PredictionRecord | AppError

type Options = DatedStore & {
  catalog: Pick<ModelCatalog, 'get'>
  outcomes: OutcomeWriter
  deliveries: DeliveryStore
  retentionMs: number
}

export const createPredictionReader = (options: Options): PredictionReader => {
  const { redis, namespace, catalog, outcomes, deliveries, retentionMs, clock } = options
  const readRecord = createReadTogether({ redis, namespace })
  const readWebhookStatus = createWebhookStatusReader({ redis, namespace, deliveries })

  const find = async (id: string, owner: string | null): Promise<PredictionRecord | null> => {
    const model = modelOfPredictionId(id)
    if (model === undefined || !catalog.get(model)) return null
    const record = await readRecord(model, id)
    if (!record || (owner !== null && record.job.owner !== owner)) return null
    const isOpen = record.outcome === null && record.job.deadline !== null
    const latest = isOpen ? await endOverdue(record) : record
    return record.job.webhook === undefined ? latest : withWebhookStatus(latest)
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
    readEach: (ids, owner) =>
      Promise.all(ids.map(async (id) => (await find(id, owner)) ?? predictionNotFound(retentionMs, { id }))),
    placeOf: ({ id, job, takenAt, outcome, line }) => {
      if (outcome || takenAt !== null) return undefined
      const entry = catalog.get(job.model)
      return line
        ? placeIn(line, entry)
        : readQueuePlace({ redis, namespace }, { id: job.packId ?? id, model: job.model, entry })
    },
  }
}

const predictionNotFound = (retentionMs: number, extra = {}) => {
  const hours = Math.round(retentionMs / 360_000) / 10
  return new AppError(
    'prediction_not_found',
    `no such prediction; finished ones are kept for ${hours} h, and shorter when memory is short`,
    { extra },
  )
}
