import { z } from 'zod'
import { toIso } from './to-iso.ts'

/**
 * The two records of a prediction, and the resource made of them.
 *
 * The BullMQ job says what was asked for and where it stands; the outcome, written once, ends it. `toPrediction` is the
 * only place where the two become the object that leaves by poll, wait, server-sent events and webhook.
 */
export const priorities = ['low', 'normal', 'high'] as const
export const prioritySchema = z.enum(priorities)
export type Priority = z.infer<typeof prioritySchema>

/** BullMQ's numbers: it serves 0 first, which is kept for predictions that only have to be cleared away. */
export const queuePriority: Record<Priority, number> = { high: 2, normal: 5, low: 8 }

export const finalStatuses = ['succeeded', 'failed', 'canceled', 'expired'] as const
export const statuses = ['queued', 'processing', ...finalStatuses] as const
export type PredictionStatus = (typeof statuses)[number]

export const predictionErrorCodes = [
  'invalid_input',
  'invalid_output',
  'inference_failed',
  'timed_out',
  'executor_crashed',
  'worker_lost',
  'rows_failed',
  'canceled',
  'expired',
] as const
export const predictionErrorCodeSchema = z.enum(predictionErrorCodes)
export type PredictionErrorCode = z.infer<typeof predictionErrorCodeSchema>

export const rowErrorSchema = z.object({
  row: z.int(),
  code: predictionErrorCodeSchema,
  detail: z.string(),
})
export const predictionErrorSchema = z.object({
  code: predictionErrorCodeSchema,
  detail: z.string(),
  rows: z.array(rowErrorSchema).optional(),
})
export type PredictionError = z.infer<typeof predictionErrorSchema>

/** `start`: a worker took it (best effort). `completed`: it is final, however it ended. */
export const webhookEvents = ['start', 'completed'] as const
export const webhookRequestSchema = z.object({
  url: z.string(),
  events: z.array(z.enum(webhookEvents)),
  /** `thin` leaves out input and output */
  payload: z.enum(['full', 'thin']),
})
/** What the owner of a prediction wants to be told, and where. */
export type WebhookRequest = z.infer<typeof webhookRequestSchema>

/** What a prediction's BullMQ job carries. Times are milliseconds since the epoch. */
export const predictionJobSchema = z.object({
  model: z.string(),
  version: z.string(),
  /** which definition of the version the input was checked against */
  digest: z.string(),
  owner: z.string(),
  requestId: z.string(),
  /** absent where the input is kept under its own key */
  input: z.unknown().optional(),
  /** size of the input as JSON; workers bound what they hold by it */
  inputBytes: z.int().default(0),
  /** rows in the input; null where it is one object and not an array */
  arrayLength: z.int().nullable(),
  priority: prioritySchema,
  metadata: z.record(z.string(), z.string()),
  deadline: z.number().nullable(),
  createdAt: z.number(),
  webhook: webhookRequestSchema.optional(),
})
export type PredictionJobData = z.infer<typeof predictionJobSchema>

/** How many rows a prediction has. */
export const rowsOf = ({ arrayLength }: Pick<PredictionJobData, 'arrayLength'>) => arrayLength ?? 1

/** How a prediction ended. Times are milliseconds since the epoch, durations milliseconds. */
export const outcomeSchema = z.object({
  status: z.enum(finalStatuses),
  output: z.unknown(),
  error: predictionErrorSchema.nullable(),
  startedAt: z.number().nullable(),
  completedAt: z.number(),
  predictMs: z.number().nullable(),
  batchSize: z.number().nullable(),
  attempts: z.int(),
})
export type Outcome = z.infer<typeof outcomeSchema>

/** A prediction as read from Redis. */
export type PredictionRecord = {
  id: string
  job: PredictionJobData
  /** the input, wherever it was kept */
  input: unknown
  /** when a worker first or last took it, in ms */
  takenAt: number | null
  outcome: Outcome | null
  /** how the delivery about its end stands; absent where there is none, or it was not looked up */
  webhookStatus?: string
}

/** Where a prediction that waits stands in its queue. `etaSeconds` is null while nothing drains the queue. */
export type QueuePlace = { position: number; etaSeconds: number | null }

export const predictionSchema = z.object({
  object: z.literal('prediction'),
  id: z.string(),
  model: z.string(),
  version: z.string(),
  status: z.enum(statuses),
  input: z.unknown(),
  output: z.unknown(),
  error: predictionErrorSchema.nullable(),
  metadata: z.record(z.string(), z.string()),
  priority: prioritySchema,
  deadline: z.iso.datetime().nullable(),
  position: z.int().optional(),
  eta: z.number().nullable().optional(),
  metrics: z.object({
    queue_time: z.number().nullable(),
    predict_time: z.number().nullable(),
    total_time: z.number().nullable(),
    batch_size: z.number().nullable(),
    attempts: z.int(),
  }),
  webhook: z.object({ status: z.string() }).nullable(),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().nullable(),
  completed_at: z.iso.datetime().nullable(),
  expires_at: z.iso.datetime().nullable(),
  urls: z.object({ get: z.string(), cancel: z.string(), events: z.string(), deliveries: z.string() }),
})
export type Prediction = z.infer<typeof predictionSchema>

/**
 * The prediction resource.
 *
 * `urls` and `retentionMs` come from the process that answers; `place` is given only where the caller asked about one
 * waiting prediction. `started_at` is when a worker took it, so `queue_time` is the time in the queue alone.
 */
export const toPrediction = (
  { id, job, input, takenAt, outcome, webhookStatus }: PredictionRecord,
  { urls, retentionMs, place }: { urls: Prediction['urls']; retentionMs: number; place?: QueuePlace },
): Prediction => {
  const startedAt = outcome ? outcome.startedAt : takenAt
  return {
    object: 'prediction',
    id,
    model: job.model,
    version: job.version,
    status: statusOf({ takenAt, outcome }),
    input: input ?? null,
    output: outcome?.output ?? null,
    error: outcome?.error ?? null,
    metadata: job.metadata,
    priority: job.priority,
    deadline: toIso(job.deadline),
    ...(place && !outcome && takenAt === null ? { position: place.position, eta: place.etaSeconds } : {}),
    metrics: {
      queue_time: seconds(startedAt, job.createdAt),
      predict_time: outcome?.predictMs == null ? null : round(outcome.predictMs / 1000),
      total_time: seconds(outcome?.completedAt ?? null, job.createdAt),
      batch_size: outcome?.batchSize ?? null,
      attempts: outcome?.attempts ?? (takenAt === null ? 0 : 1),
    },
    webhook: job.webhook?.events.includes('completed') ? { status: webhookStatus ?? 'pending' } : null,
    created_at: new Date(job.createdAt).toISOString(),
    started_at: toIso(startedAt),
    completed_at: toIso(outcome?.completedAt ?? null),
    expires_at: outcome ? toIso(outcome.completedAt + retentionMs) : null,
    urls,
  }
}

/** Where a prediction stands. */
export const statusOf = ({
  takenAt,
  outcome,
}: Pick<PredictionRecord, 'takenAt' | 'outcome'>): PredictionStatus =>
  outcome?.status ?? (takenAt === null ? 'queued' : 'processing')

/** The outcome of a prediction that ends without having run to its end. */
export const endedOutcome = (
  status: 'canceled' | 'expired' | 'failed',
  {
    code,
    detail,
    now,
    startedAt = null,
    attempts = 0,
  }: {
    code: PredictionErrorCode
    detail: string
    now: number
    startedAt?: number | null
    attempts?: number
  },
): Outcome => ({
  status,
  output: null,
  error: { code, detail },
  startedAt,
  completedAt: now,
  predictMs: null,
  batchSize: null,
  attempts,
})

const round = (value: number) => Math.round(value * 1e6) / 1e6
const seconds = (end: number | null, start: number) =>
  end === null ? null : Math.max(0, round((end - start) / 1000))
