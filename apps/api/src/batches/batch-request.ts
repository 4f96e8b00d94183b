import { AppError, encodingFormats, prioritySchema, rowFormats } from '@onqueue/shared'
import type { RowFormat } from '@onqueue/shared'
import { z } from 'zod'
import { toPlaces } from '../http/bodies/issue-places.ts'
import { describePlace } from '../http/bodies/json-pointer.ts'
import { metadataSchema, webhookPattern } from '../submit/submit-request.ts'

const columnName = z.string().min(1).max(1000)

/** What a batch is asked to do, beside its input. */
export const batchOptions = {
  version: z.string().min(1).optional().describe('A version of the model; otherwise its default one.'),
  input_format: z
    .enum(rowFormats)
    .optional()
    .describe('Where neither the Content-Type nor the name of the file tells.'),
  output_format: z.enum(rowFormats).optional().describe('That of the input where it is not given.'),
  encoding_format: z
    .enum(encodingFormats)
    .optional()
    .describe(
      'How lists of numbers are written in JSONL and CSV: float, as numbers, which is the default; base64, of little-endian float32.',
    ),
  id_column: columnName
    .optional()
    .describe(
      'A column, or in JSONL a key, that names each row: it is copied to the output, and is no part of the input.',
    ),
  extra_columns: z
    .enum(['ignore', 'error'])
    .default('ignore')
    .describe('What becomes of columns that the model does not know.'),
  priority: prioritySchema.default('normal'),
  webhook: z.string().max(2048).optional().meta({
    description: 'Where to post the batch when it has ended, signed (Standard Webhooks).',
    format: 'uri',
    pattern: webhookPattern,
  }),
}

const maxFailedRows = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
export const maxFailedRowsText =
  'More failed rows than that end the batch; as many as there are where it is not given.'

const requestSchema = z.strictObject({
  ...batchOptions,
  input_file: z.string().describe('Id of a file that was uploaded.'),
  max_failed_rows: maxFailedRows.optional().describe(maxFailedRowsText),
  metadata: metadataSchema.default({}).meta({ maxProperties: 16 }),
})

/** As it is asked for in a JSON body. */
export type BatchRequest = z.infer<typeof requestSchema>
/** The same without the input: beside a body of rows. */
export type BatchOptions = Omit<BatchRequest, 'input_file'>

/** The body of a request that names a file, for documents. */
export const batchRequestSchema = requestSchema

/** Throws `invalid_input` with the places that are wrong. */
export const parseBatchRequest = (body: unknown): BatchRequest => {
  const parsed = requestSchema.safeParse(body)
  if (parsed.success) return parsed.data
  const places = toPlaces(parsed.error.issues, '')
  const list = places.map(describePlace).join('; ')
  throw new AppError('invalid_input', `the request can't be used: ${list}`, { places })
}

/** Throws `invalid_input` where the output has vectors of another kind already. */
export const refuseEncoding = (
  { encoding_format: encoding }: Pick<BatchOptions, 'encoding_format'>,
  outputFormat: RowFormat,
) => {
  if (encoding !== 'base64' || outputFormat !== 'parquet') return
  const detail =
    'base64 is for csv and jsonl: in parquet lists of numbers are lists; leave encoding_format out'
  throw new AppError('invalid_input', `encoding_format ${detail}`, {
    places: [{ pointer: '/encoding_format', detail }],
  })
}

/** Names of formats in `Content-Type`; several are in use for lines of JSON. */
const contentTypes: [RegExp, RowFormat][] = [
  [/^application\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines)\s*(?:;|$)/i, 'jsonl'],
  [/^text\/csv\s*(?:;|$)/i, 'csv'],
  [/^application\/(?:vnd\.apache\.|x-)?parquet\s*(?:;|$)/i, 'parquet'],
]
const extensions: [RegExp, RowFormat][] = [
  [/\.(?:jsonl|ndjson)$/i, 'jsonl'],
  [/\.csv$/i, 'csv'],
  [/\.(?:parquet|pq)$/i, 'parquet'],
]

/** The format of a file: as it is asked for, or else as its type or its name has it. Throws `unsupported_media_type`. */
export const formatOf = ({
  asked,
  contentType,
  filename,
}: {
  asked: RowFormat | undefined
  contentType: string | undefined
  filename: string | null | undefined
}): RowFormat => {
  const [, byType] = contentTypes.find(([pattern]) => pattern.test(contentType ?? '')) ?? []
  const [, byName] = extensions.find(([pattern]) => pattern.test(filename ?? '')) ?? []
  const format = asked ?? byType ?? byName
  if (format) return format
  throw new AppError(
    'unsupported_media_type',
    "the rows must say what they are: add -H 'content-type: text/csv', application/jsonl or application/vnd.apache.parquet, or ?input_format=csv",
  )
}
