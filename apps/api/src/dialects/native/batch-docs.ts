import { createRoute, z } from '@hono/zod-openapi'
import { batchSchema } from '@onqueue/shared'
import { batchOptions, batchRequestSchema, maxFailedRowsText } from '../../batches/batch-request.ts'
import { bodySchemaOf } from '../../http/bodies/body-schema.ts'
import * as docs from './prediction-docs.ts'

const tags = ['Batches']
const batchResource = z.object(batchSchema.shape).openapi('Batch')
const idParameter = { ...docs.idParameter, description: 'Id of the batch.' }
const rows = { schema: { type: 'string' as const, format: 'binary' } }

export const createBatchRoute = createRoute({
  method: 'post',
  path: '/v1/models/{model}/batches',
  operationId: 'createBatch',
  tags,
  summary: 'Score a file of rows: sent as the body, or uploaded before',
  description:
    'The options are query parameters beside a body of rows, and members of the body beside `input_file`. The file that is sent becomes one of yours.',
  parameters: [docs.modelParameter, docs.idempotencyHeader],
  request: {
    query: z.strictObject({
      ...batchOptions,
      max_failed_rows: z
        .string()
        .regex(/^\d{1,15}$/, 'takes a whole number')
        .transform(Number)
        .optional()
        .openapi({ type: 'integer', minimum: 0, description: maxFailedRowsText }),
      metadata: z
        .string()
        .default('{}')
        .transform((text, context) => parseJson(text, context))
        .pipe(batchRequestSchema.shape.metadata)
        .openapi({ type: 'string', description: 'A JSON object of texts: comes back with the batch.' }),
      filename: z
        .string()
        .max(1000)
        .optional()
        .describe('What to call the file, where the body itself does not.'),
    }),
    body: {
      required: true,
      content: {
        'text/csv': rows,
        'application/jsonl': rows,
        'application/vnd.apache.parquet': rows,
        'application/json': { schema: bodySchemaOf(batchRequestSchema) },
      },
    },
  },
  responses: {
    200: docs.json(batchResource, 'A replay: the Idempotency-Key was used before, and its batch has ended.'),
    202: docs.json(batchResource, 'It is taken in; come back at its Location after Retry-After seconds.'),
    400: docs.problem('The body is cut off or can not be decoded, or an option is malformed.'),
    404: docs.problem('There is no such model, or no such file.'),
    408: docs.problem('Nothing of the body came for too long.'),
    413: docs.problem('The file is too long.'),
    415: docs.problem('It is not said in which format the rows are.'),
    422: docs.problem(
      'No row can be read of the file, the options do not fit the model, or it takes no batches.',
    ),
    429: docs.problem(
      'You have too many files, too many bytes, too many uploads under way, or too many batches that have not ended.',
    ),
    503: docs.problem('The model is not available, there is no room in the storage, or Redis is away.'),
  },
})

const parseJson = (text: string, context: z.RefinementCtx): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue({ code: 'custom', message: 'takes a JSON object' })
    return z.NEVER
  }
}

export const listBatchesRoute = createRoute({
  method: 'get',
  path: '/v1/batches',
  operationId: 'listBatches',
  tags,
  summary: 'Your batches, newest first',
  request: {
    query: z.strictObject({
      model: z.string().optional(),
      limit: docs.limit,
      cursor: z.string().optional().describe('From next or previous of a page.'),
    }),
  },
  responses: {
    200: docs.json(
      z.object({ results: z.array(batchResource), next: z.url().nullable(), previous: z.url().nullable() }),
      'A page; next and previous are links, or null.',
    ),
    400: docs.problem('A query parameter is malformed.'),
  },
})

export const getBatchRoute = createRoute({
  method: 'get',
  path: '/v1/batches/{id}',
  operationId: 'getBatch',
  tags,
  summary: 'How far a batch is',
  parameters: [idParameter],
  responses: {
    200: docs.json(batchResource, 'The batch.'),
    404: docs.problem('There is no such batch.'),
  },
})

export const cancelBatchRoute = createRoute({
  method: 'post',
  path: '/v1/batches/{id}/cancel',
  operationId: 'cancelBatch',
  tags,
  summary: 'End a batch; what is done of it stays',
  parameters: [idParameter],
  responses: {
    200: docs.json(batchResource, 'As it is now; one that had ended before stays as it was.'),
    404: docs.problem('There is no such batch.'),
  },
})

const eventSchema = z
  .object({
    event: z.literal('batch'),
    id: z.string(),
    data: z.string().describe('The batch as JSON.'),
  })
  .describe('Each of the events, by its fields.')

export const batchEventsRoute = createRoute({
  method: 'get',
  path: '/v1/batches/{id}/events',
  operationId: 'followBatch',
  tags,
  summary: 'Follow a batch by server-sent events',
  description:
    'An event `batch` with the object as it is, and each second in which more of it was done; the stream ends after the one of its end. One that ends before was told to connect again (`retry`), since its server stops. An event `error` before the end says that the batch is gone.',
  parameters: [idParameter],
  responses: {
    200: { description: 'The events.', content: { 'text/event-stream': { schema: eventSchema } } },
    204: { description: 'Last-Event-ID is that of the final event: an EventSource stops.' },
    404: docs.problem('There is no such batch.'),
    429: docs.problem('Your key has too many streams open.'),
  },
})

export const batchTemplateRoute = createRoute({
  method: 'get',
  path: '/v1/models/{model}/batches/template',
  operationId: 'getBatchTemplate',
  tags,
  summary: 'A file of one row to begin with: the example of the model',
  parameters: [docs.modelParameter],
  request: {
    query: z.strictObject({
      format: z.enum(['csv', 'jsonl']).default('csv'),
      version: batchOptions.version,
    }),
  },
  responses: {
    200: docs.bytes('The file.'),
    400: docs.problem('A query parameter is malformed.'),
    404: docs.problem('There is no such model.'),
    422: docs.problem('The model has no such version, or takes no batches.'),
    503: docs.problem('The model is not available.'),
  },
})

const partResponses = {
  200: docs.bytes(
    'All that there is of it: X-Batch-Status says whether more comes. With `wait` all that comes to be: it has ended only if the batch has completed.',
  ),
  206: docs.bytes('The range that was asked for.'),
  400: docs.problem('A query parameter is malformed, or wait came with a Range or by HTTP/1.0.'),
  304: { description: 'It is what the ETag says.' },
  404: docs.problem('There is no such batch.'),
  409: docs.problem('A Parquet file can be read when it is complete.'),
  410: docs.problem('Redis lost what is known of its parts.'),
  416: docs.problem('There is nothing of this range (yet).'),
  429: docs.problem('You read and send too many files at once, or have too many streams open.'),
  503: docs.problem('Its bytes can not be read at the moment.'),
}
const partQuery = z.strictObject({
  wait: z
    .literal(['', 'true'])
    .optional()
    .describe(
      'Goes on until the batch has ended, without a Content-Length. Where it does not complete, or the server stops, the connection is cut. JSONL and CSV only; not with a Range.',
    ),
})
const partParameters = [idParameter, docs.rangeHeader, docs.ifRangeHeader, docs.ifNoneMatchHeader]

export const batchOutputRoute = createRoute({
  method: 'get',
  path: '/v1/batches/{id}/output',
  operationId: 'getBatchOutput',
  tags,
  summary: 'The output, a row for each row of the file, in their order; also while it runs',
  parameters: partParameters,
  request: { query: partQuery },
  responses: partResponses,
})

export const batchErrorsRoute = createRoute({
  method: 'get',
  path: '/v1/batches/{id}/errors',
  operationId: 'getBatchErrors',
  tags,
  summary: 'The rows that failed, each with its line and the reason; also while it runs',
  parameters: partParameters,
  request: { query: partQuery },
  responses: partResponses,
})
