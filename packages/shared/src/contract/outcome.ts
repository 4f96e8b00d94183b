import { z } from 'zod'
import { jsonOf } from './json-text.ts'

export const finalStatuses = ['succeeded', 'failed', 'canceled', 'expired'] as const

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

/** How a prediction ended. Times are milliseconds since the epoch, durations milliseconds. */
export const outcomeSchema = z.object({
  status: z.enum(finalStatuses),
  output: z.unknown(),
  error: predictionErrorSchema.nullable(),
  /** when the worker that ran it last took it; null where none did */
  startedAt: z.number().nullable(),
  completedAt: z.number(),
  predictMs: z.number().nullable(),
  batchSize: z.number().nullable(),
  attempts: z.int(),
})
export type Outcome = z.infer<typeof outcomeSchema>

/**
 * An outcome as it is stored. Its members are in this order: who reads a long one without its output finds the others by it
 * (read-outcomes.ts).
 */
export const outcomeText = ({ status, output, error, ...rest }: Outcome) =>
  `{"status":"${status}","output":${jsonOf(output)},${JSON.stringify({ error, ...rest }).slice(1)}`

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
