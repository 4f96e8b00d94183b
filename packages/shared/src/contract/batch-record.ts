import { z } from 'zod'
import { modelOfPredictionId } from './prediction-id.ts'
import { prioritySchema } from './prediction-job.ts'

export const rowFormats = ['jsonl', 'csv', 'parquet'] as const
export type RowFormat = (typeof rowFormats)[number]

/** How lists of numbers are written as text: as numbers, or as base64 of little-endian float32. */
export const encodingFormats = ['float', 'base64'] as const
export type EncodingFormat = (typeof encodingFormats)[number]

export const batchEndings = ['completed', 'failed', 'canceled', 'expired'] as const
export const batchErrorCodes = ['invalid_file', 'too_many_failed_rows', 'version_gone'] as const

/** Something in the storage, and how long it is. */
const segmentSchema = z.object({ name: z.string(), bytes: z.int() })

/** What a batch was asked to do: written once, when it is accepted. Times are ms. */
const batchAboutSchema = z.object({
  owner: z.string(),
  keyId: z.string().nullable(),
  requestId: z.string(),
  model: z.string(),
  version: z.string(),
  /** which definition of the version scores it, to its end */
  digest: z.string(),
  /** of the request, where it came with an idempotency key */
  fingerprint: z.string().nullable(),
  /** the file that it reads, which it holds */
  fileId: z.string(),
  /** the input, one behind the other */
  input: z.array(segmentSchema),
  /** id of the storage that has input and output */
  storage: z.string(),
  inputFormat: z.enum(rowFormats),
  outputFormat: z.enum(rowFormats),
  encodingFormat: z.enum(encodingFormats).optional(),
  idColumn: z.string().nullable(),
  extraColumns: z.enum(['ignore', 'error']),
  maxFailedRows: z.int().nullable(),
  /** micro-batches are cut from the beginning of each chunk at this size, so that a chunk that runs again gets the same bytes */
  microBatchRows: z.int(),
  priority: prioritySchema,
  metadata: z.record(z.string(), z.string()),
  /** where its end is told; null where nobody asked for it */
  webhook: z.string().nullable(),
  createdAt: z.number(),
  /** when it ends if it has not by then */
  deadline: z.number(),
  /** how long it is kept after its end, in ms */
  keptMs: z.number(),
})
export type BatchAbout = z.infer<typeof batchAboutSchema>

/** Where planning goes on: the next chunk, and its first byte, row and line. */
const cursorSchema = z.object({ chunk: z.int(), offset: z.int(), row: z.int(), line: z.int() })
export type BatchCursor = z.infer<typeof cursorSchema>

/** How a batch ended: written once. */
const batchEndSchema = z.object({
  status: z.enum(batchEndings),
  error: z.object({ code: z.enum(batchErrorCodes), detail: z.string() }).nullable(),
  completedAt: z.number(),
})
export type BatchEnd = z.infer<typeof batchEndSchema>

/** Rows, and bytes of what was written. `chunks` are planned, `doneChunks` of them finished. */
const countsSchema = z.object({
  rows: z.int(),
  doneRows: z.int(),
  failedRows: z.int(),
  chunks: z.int(),
  doneChunks: z.int(),
  bytes: z.int(),
  errorBytes: z.int(),
})
export type BatchCounts = z.infer<typeof countsSchema>

export type BatchRecord = {
  id: string
  about: BatchAbout
  counts: BatchCounts
  cursor: BatchCursor
  /** what the output begins with; null before planning has begun */
  headerBytes: number | null
  /** what a row was measured to take when planning first began, by which chunks are cut; null before */
  rowMs: number | null
  /** what it ends with, which may be nothing; null while that is not known: its parts were not looked at */
  footerBytes: number | null
  startedAt: number | null
  /** the whole file is planned */
  isPlanned: boolean
  pace: BatchPace | null
  end: BatchEnd | null
}

/** Two moments, the second the younger one: when they were, in ms, and how many rows were done. Rows are done faster or slower since the first. */
const paceSchema = z.tuple([z.number(), z.number(), z.number(), z.number()])
export type BatchPace = z.infer<typeof paceSchema>

/** A slice of the input that ends where a record ends, and what is known of it. */
export const chunkSchema = z.object({
  offset: z.int(),
  length: z.int(),
  firstRow: z.int(),
  rows: z.int(),
  firstLine: z.int(),
})
export type BatchChunk = z.infer<typeof chunkSchema>

/** What became of a chunk. `crc` is of its part of the output. */
export const doneChunkSchema = z.object({
  rows: z.int(),
  failed: z.int(),
  bytes: z.int(),
  errorBytes: z.int(),
  crc: z.int(),
})
export type DoneChunk = z.infer<typeof doneChunkSchema>

export const firstCursor: BatchCursor = { chunk: 0, offset: 0, row: 0, line: 1 }

const start = 'batch-'

/** A batch's id, of one that would be a prediction's of the same model. */
export const toBatchId = (predictionId: string) => `${start}${predictionId}`

/** The model that a batch id, `batch-<model>-<ULID>`, belongs to; undefined when it isn't one. */
export const modelOfBatchId = (id: string) =>
  id.startsWith(start) ? modelOfPredictionId(id.slice(start.length)) : undefined

/** What is of a batch in the storage begins with this. */
export const batchPrefix = (id: string) => `batches/${id}/`

const numbered = (chunk: number) => String(chunk).padStart(8, '0')
export const headerName = (id: string) => `${batchPrefix(id)}out/header`
export const footerName = (id: string) => `${batchPrefix(id)}out/footer`
export const outputPartName = (id: string, chunk: number) => `${batchPrefix(id)}out/${numbered(chunk)}`
export const errorsPartName = (id: string, chunk: number) => `${batchPrefix(id)}errors/${numbered(chunk)}`

export const parseBatchEnd = (text: string): BatchEnd => batchEndSchema.parse(JSON.parse(text))

/** Whether all is scored, and its parts are still to be looked at. */
export const needsFinish = ({ counts, isPlanned, footerBytes, end }: BatchRecord) =>
  isPlanned && counts.doneChunks === counts.chunks && footerBytes === null && end === null

/** A record as Redis has it, a hash. Null where it is none. */
export const parseBatch = (id: string, hash: Record<string, string>): BatchRecord | null => {
  const { about, cursor, planned, headerBytes, rowMs, footerBytes, startedAt, pace, end } = hash
  if (about === undefined) return null
  const count = (name: keyof BatchCounts) => Number(hash[name] ?? 0)
  return {
    id,
    about: batchAboutSchema.parse(JSON.parse(about)),
    counts: {
      rows: count('rows'),
      doneRows: count('doneRows'),
      failedRows: count('failedRows'),
      chunks: count('chunks'),
      doneChunks: count('doneChunks'),
      bytes: count('bytes'),
      errorBytes: count('errorBytes'),
    },
    cursor: cursor === undefined ? firstCursor : cursorSchema.parse(JSON.parse(cursor)),
    headerBytes: headerBytes === undefined ? null : Number(headerBytes),
    rowMs: rowMs === undefined ? null : Number(rowMs),
    footerBytes: footerBytes === undefined ? null : Number(footerBytes),
    startedAt: startedAt === undefined ? null : Number(startedAt),
    isPlanned: planned === '1',
    pace: pace === undefined ? null : paceSchema.parse(JSON.parse(pace)),
    end: end === undefined ? null : parseBatchEnd(end),
  }
}
