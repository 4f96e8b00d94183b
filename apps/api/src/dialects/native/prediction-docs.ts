import { z } from '@hono/zod-openapi'
import { deliverySchema, predictionSchema } from '@onqueue/shared'
import type { bodySchemaOf } from '../../http/bodies/body-schema.ts'

type BodySchema = ReturnType<typeof bodySchemaOf>

/** How predictions appear in the OpenAPI document. Made anew, since a schema of another module may lack `openapi`. */
export const predictionResource = z.object(predictionSchema.shape).openapi('Prediction')

export const deliveryResource = z.object(deliverySchema.shape).openapi('Delivery')

/** How many there may be on a page. Text, for a number is made of more spellings than anybody means. */
export const limit = z
  .string()
  .regex(/^(?:[1-9]\d?|100)$/, 'takes a whole number from 1 to 100')
  .default('20')
  .transform(Number)
  .openapi({ type: 'integer', minimum: 1, maximum: 100, default: 20 })

/** A time in a query or a body; in ms once it is read. */
export const time = z.iso
  .datetime({ offset: true, error: 'takes a time such as 2026-01-31T12:00:00Z' })
  .transform((text) => new Date(text).getTime())

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What happened and what to do.'),
    code: z.string().describe('Stable; for programs.'),
    request_id: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .openapi('Problem')

export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})

/** What is wrong with one of many. */
export const problemLine = problemSchema.omit({ request_id: true }).extend({ id: z.string().optional() })

/** What became of many, in an array or one a line. */
export const bulkAnswer = <Schema extends z.ZodType>(line: Schema, description: string) => ({
  description,
  content: {
    'application/json': { schema: z.array(line) },
    'application/x-ndjson': { schema: line },
  },
})

/** Bytes as they are, of whatever type. */
export const bytes = (description: string) => ({
  description,
  content: { '*/*': { schema: { type: 'string' as const, format: 'binary' } } },
})

/** A refusal; `description` says when. */
export const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemSchema } },
})

const parameter = (
  place: 'path' | 'query' | 'header',
  name: string,
  description: string,
  example?: string,
  pattern?: string,
) => ({
  in: place,
  name,
  description,
  required: place === 'path',
  schema: { type: 'string' as const, ...(pattern === undefined ? {} : { pattern }) },
  ...(example === undefined ? {} : { example }),
})

export const modelParameter = parameter('path', 'model', 'Name of the model.', 'iris')
export const idParameter = parameter('path', 'id', 'Id of the prediction.')
export const preferHeader = parameter(
  'header',
  'Prefer',
  'wait, wait=N (seconds, at most 55) and respond-async (RFC 7240): how long to hold the request for a result.',
  'wait=10',
)
export const waitQuery = parameter(
  'query',
  'wait',
  'The same as Prefer: wait=N.',
  undefined,
  String.raw`^(\d{1,9}(\.\d{1,3})?)?$`,
)
export const idempotencyHeader = parameter(
  'header',
  'Idempotency-Key',
  'Makes a submit safe to repeat for 24 hours: the same key gives the same prediction.',
  undefined,
  '^[ -~]{1,255}$',
)
export const cancelAfterHeader = parameter(
  'header',
  'Cancel-After',
  'Its deadline from now: 30, 30s, 1h30m.',
  undefined,
  '^[0-9][0-9hms.]*$',
)
export const ifNoneMatchHeader = parameter(
  'header',
  'If-None-Match',
  'An ETag: 304 where nothing changed since.',
)
export const rangeHeader = parameter(
  'header',
  'Range',
  'Some of the bytes: one range of them.',
  'bytes=0-1023',
)
export const ifRangeHeader = parameter(
  'header',
  'If-Range',
  'An ETag: Range counts only while it is the current one.',
)
export const versionQuery = parameter(
  'query',
  'version',
  'A version of the model; otherwise its default one.',
)
export const tokenQuery = parameter('query', 'token', 'From urls.events, in place of the API key.')

/** Many bodies in the shape of a schema, in an array or one a line. */
export const bulkBody = (schema: BodySchema) => ({
  body: {
    required: true,
    content: {
      'application/json': { schema: { type: 'array' as const, items: schema, minItems: 1, maxItems: 1000 } },
      'application/x-ndjson': { schema },
    },
  },
})

/** A JSON body in the shape of a schema, which the handler reads and checks itself, once. */
export const jsonBody = (schema: BodySchema) => ({
  body: { required: true, content: { 'application/json': { schema } } },
})
