import {
  AppError,
  deliveryIdOf,
  endpointOf,
  missedDeadline,
  modelKeys,
  modelOfPredictionId,
  readPredictionRecord,
  toDelivery,
} from '@onqueue/shared'
import type {
  DeliveryStore,
  OutcomeWriter,
  PredictionQueues,
  PredictionRecord,
  QueuePlace,
} from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { drainRate } from '../models/drain-rate.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'

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
  deliveries: DeliveryStore
  retentionMs: number
  clock?: () => number
}

export const createPredictionReader = (options: Options): PredictionReader => {
  const { redis, namespace, queues, catalog, outcomes, deliveries, retentionMs, clock = Date.now } = options

  const find = async (id: string, owner: string | null): Promise<PredictionRecord | null> => {
    const model = modelOfPredictionId(id)
    if (model === undefined || !catalog.get(model)) return null
    const record = await readPredictionRecord({ redis, namespace, queue: queues.open(model) }, model, id)
    if (!record || (owner !== null && record.job.owner !== owner)) return null
    return withWebhook(record.outcome ? record : await endOverdue(record))
  }

  /** With how the delivery about its end stands, where there is one. */
  const withWebhook = async (record: PredictionRecord): Promise<PredictionRecord> => {
    const { owner, webhook } = record.job
    if (!webhook?.events.includes('completed')) return record
    const delivery = await deliveries.read(deliveryIdOf(record.id, 'completed'))
    if (!delivery) return { ...record, webhookStatus: await withoutDelivery(record) }
    const isPaused = await deliveries.isPaused(endpointOf({ owner, url: webhook.url }))
    return { ...record, webhookStatus: toDelivery(delivery, { isPaused }).status }
  }

  /** Not made yet; or gone again: discarded by its owner, or delivered and swept when memory was short. */
  const withoutDelivery = async ({ id, job, outcome }: PredictionRecord) => {
    const isToCome =
      outcome === null || (await redis.zscore(modelKeys(namespace, job.model).undelivered, id)) !== null
    return isToCome ? 'pending' : 'gone'
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
      const rank = await redis.zrank(modelKeys(namespace, job.model).queue('prioritized'), id)
      if (rank === null) return undefined
      const entry = catalog.get(job.model)
      const rate = entry ? drainRate(entry) : 0
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
