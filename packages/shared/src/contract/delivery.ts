import { z } from 'zod'
import { modelOfPredictionId } from './prediction-id.ts'
import { toIso } from './to-iso.ts'

/**
 * A delivery: one webhook message, with what became of it.
 *
 *     pending ──2xx──▶ delivered ──redeliver──▶ pending
 *        │  ▲
 *        │  └─retry─┐
 *        ├──────────┘
 *        └──410, or the schedule is at its end──▶ failed ──redeliver──▶ pending
 *
 * A pending one whose endpoint is paused is shown as `paused`.
 */
export const deliveryStatuses = ['pending', 'delivered', 'failed', 'paused'] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

export const deliveryEvents = [
  'prediction.started',
  'prediction.completed',
  'batch.completed',
  'webhook.test',
] as const
export type DeliveryEvent = (typeof deliveryEvents)[number]

export const attemptSchema = z.object({
  at: z.iso.datetime(),
  /** null when there was no answer */
  status_code: z.int().nullable(),
  /** seconds */
  duration: z.number(),
  /** a sentence; null for a 2xx */
  error: z.string().nullable(),
  /** the first 1 KiB of the answer */
  response_head: z.string().nullable(),
})
export type DeliveryAttempt = z.infer<typeof attemptSchema>

export const deliverySchema = z.object({
  object: z.literal('delivery'),
  id: z.string(),
  prediction: z.string().nullable(),
  /** there where it is about one */
  batch: z.string().optional(),
  event: z.enum(deliveryEvents),
  url: z.string(),
  status: z.enum(deliveryStatuses),
  /** the newest last; at most 25 */
  attempts: z.array(attemptSchema),
  next_attempt_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
  completed_at: z.iso.datetime().nullable(),
})
export type Delivery = z.infer<typeof deliverySchema>

/** What never changes about a delivery. Times are ms. */
const aboutSchema = z.object({
  owner: z.string(),
  predictionId: z.string().nullable(),
  /** the batch that it is about */
  batchId: z.string().optional(),
  event: z.enum(deliveryEvents),
  url: z.string(),
  createdAt: z.number(),
  /** the body lacks input or output, which the receiver may want to fetch: the prediction is kept until it ended */
  holdsPrediction: z.boolean(),
})
export type DeliveryAbout = z.infer<typeof aboutSchema>

/** A delivery as read from Redis. */
export type DeliveryRecord = DeliveryAbout & {
  id: string
  status: 'pending' | 'delivered' | 'failed'
  attempts: DeliveryAttempt[]
  /** attempts since it was made or last redelivered */
  tries: number
  nextAt: number | null
  endedAt: number | null
}

const fieldsSchema = z.object({
  about: z.string().transform((text) => aboutSchema.parse(JSON.parse(text))),
  status: z.enum(['pending', 'delivered', 'failed']),
  attempts: z.string().transform((text) => z.array(attemptSchema).parse(JSON.parse(text))),
  tries: z.coerce.number(),
  nextAt: z.coerce.number().optional(),
  endedAt: z.coerce.number().optional(),
})

/** The delivery in the fields of its hash; null when there are none. */
export const parseDelivery = (id: string, fields: Record<string, string>): DeliveryRecord | null => {
  if (Object.keys(fields).length === 0) return null
  const { about, nextAt = null, endedAt = null, ...rest } = fieldsSchema.parse(fields)
  return { id, ...about, ...rest, nextAt, endedAt }
}

/** The resource. `isPaused` is of its endpoint. */
export const toDelivery = (record: DeliveryRecord, { isPaused }: { isPaused: boolean }): Delivery => ({
  object: 'delivery',
  id: record.id,
  prediction: record.predictionId,
  ...(record.batchId === undefined ? {} : { batch: record.batchId }),
  event: record.event,
  url: record.url,
  status: record.status === 'pending' && isPaused ? 'paused' : record.status,
  attempts: record.attempts,
  next_attempt_at: record.status === 'pending' && !isPaused ? toIso(record.nextAt) : null,
  created_at: new Date(record.createdAt).toISOString(),
  completed_at: toIso(record.endedAt),
})

/**
 * The id of the delivery about a prediction, the same however often it is made: `webhook-id` on the wire, where a `.`
 * is not allowed. The ULID alone tells predictions apart.
 */
export const deliveryIdOf = (predictionId: string, event: 'start' | 'completed') => {
  if (modelOfPredictionId(predictionId) === undefined) throw new Error(`not a prediction id: ${predictionId}`)
  return `wh-${predictionId.slice(-26)}${event === 'start' ? '-start' : ''}`
}

/** The same of a batch. */
export const batchDeliveryIdOf = (batchId: string) => `wh-batch-${batchId.slice(-26)}`
