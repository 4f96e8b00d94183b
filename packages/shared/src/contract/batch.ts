import { z } from 'zod'
import { batchEndings, batchErrorCodes, encodingFormats, rowFormats } from './batch-record.ts'
import type { BatchRecord } from './batch-record.ts'
import { prioritySchema } from './prediction-job.ts'
import { toIso } from './to-iso.ts'

export const batchStatuses = ['validating', 'in_progress', 'finalizing', ...batchEndings] as const
export type BatchStatus = (typeof batchStatuses)[number]

/** A file of rows that is scored. What it counts are rows; times are ISO 8601. */
export const batchSchema = z.object({
  object: z.literal('batch'),
  id: z.string(),
  model: z.string(),
  version: z.string(),
  status: z.enum(batchStatuses),
  counts: z.object({
    /** null until the whole file was looked through */
    total: z.int().nullable(),
    completed: z.int(),
    failed: z.int(),
    pending: z.int().nullable(),
  }),
  rows_per_second: z.number().nullable(),
  /** in seconds; null where nobody knows */
  eta: z.number().nullable(),
  input_file: z.string(),
  input_format: z.enum(rowFormats),
  output_format: z.enum(rowFormats),
  encoding_format: z.enum(encodingFormats),
  /** what there is of the output so far */
  output_file: z.object({ bytes: z.int(), is_complete: z.boolean() }),
  errors_file: z.object({ bytes: z.int() }),
  error: z.object({ code: z.enum(batchErrorCodes), detail: z.string() }).nullable(),
  /** why nothing of it is done at present; null where a live worker goes on with it, or it has ended */
  reason: z.string().nullable(),
  priority: prioritySchema,
  metadata: z.record(z.string(), z.string()),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().nullable(),
  completed_at: z.iso.datetime().nullable(),
  /** when it ends, or is removed where it has ended */
  expires_at: z.iso.datetime(),
  urls: z.object({
    get: z.string(),
    output: z.string(),
    errors: z.string(),
    cancel: z.string(),
    events: z.string(),
  }),
})
export type Batch = z.infer<typeof batchSchema>

export const batchPath = (id: string) => `/v1/batches/${id}`

/** The resource. `publicUrl` has no slash at its end; `now` is in ms; `reason` is why it waits. */
export const toBatch = (
  record: BatchRecord,
  { publicUrl, now, reason = null }: { publicUrl: string; now: number; reason?: string | null },
): Batch => {
  const { id, about, counts, isPlanned, headerBytes, footerBytes, end } = record
  const url = `${publicUrl}${batchPath(id)}`
  const total = isPlanned ? counts.rows : null
  const pace = paceOf(record, now)
  return {
    object: 'batch',
    id,
    model: about.model,
    version: about.version,
    status: batchStatusOf(record),
    counts: {
      total,
      completed: counts.doneRows - counts.failedRows,
      failed: counts.failedRows,
      pending: total === null ? null : total - counts.doneRows,
    },
    rows_per_second: pace === null ? null : Math.round(pace * 10) / 10,
    eta: etaOf(record, pace),
    input_file: about.fileId,
    input_format: about.inputFormat,
    output_format: about.outputFormat,
    encoding_format: about.encodingFormat ?? 'float',
    output_file: {
      bytes: (headerBytes ?? 0) + counts.bytes + (footerBytes ?? 0),
      is_complete: end?.status === 'completed',
    },
    errors_file: { bytes: counts.errorBytes },
    error: end?.error ?? null,
    reason: end ? null : reason,
    priority: about.priority,
    metadata: about.metadata,
    created_at: new Date(about.createdAt).toISOString(),
    started_at: toIso(record.startedAt),
    completed_at: toIso(end?.completedAt ?? null),
    expires_at: new Date(batchExpiry(record)).toISOString(),
    urls: {
      get: url,
      output: `${url}/output`,
      errors: `${url}/errors`,
      cancel: `${url}/cancel`,
      events: `${url}/events`,
    },
  }
}

/** What a webhook tells of a batch that has ended: always the same bytes. */
export const batchWebhookBody = (record: BatchRecord, publicUrl: string) =>
  JSON.stringify(toBatch(record, { publicUrl, now: record.end?.completedAt ?? record.about.createdAt }))

/** When it ends where it has not, and when it is removed where it has, in ms. */
export const batchExpiry = ({ about, end }: Pick<BatchRecord, 'about' | 'end'>) =>
  end ? end.completedAt + about.keptMs : about.deadline

export const batchStatusOf = ({ counts, isPlanned, startedAt, end }: BatchRecord): BatchStatus => {
  if (end) return end.status
  if (startedAt === null) return 'validating'
  return isPlanned && counts.doneChunks === counts.chunks ? 'finalizing' : 'in_progress'
}

/** Rows a second, of late; null where none were done yet, or none are any more. */
const paceOf = ({ counts, pace, end }: BatchRecord, now: number) => {
  if (pace === null || counts.doneRows === 0) return null
  const [olderAt, olderRows] = end ? [pace[0], 0] : pace
  const rows = counts.doneRows - olderRows
  const ms = Math.max(1, (end?.completedAt ?? now) - olderAt)
  return (rows / ms) * 1000
}

/** Where the file is not planned to its end, its rows are taken to be as long there as before. */
const etaOf = ({ about, counts, cursor, isPlanned, end }: BatchRecord, pace: number | null) => {
  if (end || pace === null || pace === 0) return null
  const bytes = about.input.reduce((sum, segment) => sum + segment.bytes, 0)
  const rows = isPlanned ? counts.rows : (counts.rows * bytes) / Math.max(1, cursor.offset)
  return Math.ceil(Math.max(0, rows - counts.doneRows) / pace)
}
