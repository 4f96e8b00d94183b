import { z } from 'zod'
import { finalStatuses, predictionErrorSchema } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { prioritySchema } from './prediction-job.ts'
import type { PredictionJobData } from './prediction-job.ts'
import { inOrder } from './times-in-order.ts'
import { toIso } from './to-iso.ts'

/**
 * The two records of a prediction, and the resource made of them.
 *
 * The BullMQ job says what was asked for and where it stands; the outcome, written once, ends it. `toPrediction` is the
 * only place where the two become the object that leaves by poll, wait, server-sent events and webhook.
 */
export const statuses = ['queued', 'processing', ...finalStatuses] as const
export type PredictionStatus = (typeof statuses)[number]

/** A prediction as read from Redis. */
export type PredictionRecord = {
  id: string
  job: PredictionJobData
  /** the input, wherever it was kept; a `StoredJson` where it is long, as is then the output of the outcome */
  input: unknown
  /**
   * when the worker that has it now, or had it last, took it, in ms: BullMQ's `processedOn`. Null while it waits, also
   * again after it was handed back. Once it is final, `startedAt` of the outcome is what counts.
   */
  takenAt: number | null
  outcome: Outcome | null
  /** where it stood when it was read; absent where it wasn't in line, or not looked for there */
  line?: QueueLine
  /** how the delivery about its end stands; absent where there is none, or it was not looked up */
  webhookStatus?: string
}

/** What a queue has before and behind a prediction that waits in it. */
export type QueueLine = {
  /** how many jobs are served sooner */
  rank: number
  /** how many predictions are: those of a pack count each, the mates before it in its own pack included */
  before: number
  /** jobs that wait, its own included */
  waiting: number
  /** those that workers have taken */
  inHand: number
  /** rows beyond one for each of all these */
  extraRows: number
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
  const { startedAt, completedAt } = inOrder({
    createdAt: job.createdAt,
    startedAt: outcome ? outcome.startedAt : takenAt,
    completedAt: outcome?.completedAt ?? null,
  })
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
      total_time: seconds(completedAt, job.createdAt),
      batch_size: outcome?.batchSize ?? null,
      attempts: outcome?.attempts ?? (takenAt === null ? 0 : 1),
    },
    webhook: job.webhook?.events.includes('completed') ? { status: webhookStatus ?? 'pending' } : null,
    created_at: new Date(job.createdAt).toISOString(),
    started_at: toIso(startedAt),
    completed_at: toIso(completedAt),
    expires_at: completedAt === null ? null : toIso(completedAt + retentionMs),
    urls,
  }
}

/** Where a prediction stands. */
export const statusOf = ({
  takenAt,
  outcome,
}: Pick<PredictionRecord, 'takenAt' | 'outcome'>): PredictionStatus =>
  outcome?.status ?? (takenAt === null ? 'queued' : 'processing')

const round = (value: number) => Math.round(value * 1e6) / 1e6
const seconds = (end: number | null, start: number) => (end === null ? null : round((end - start) / 1000))
