import { AppError, prioritySchema, webhookEvents } from '@onqueue/shared'
import type { ErrorPlace } from '@onqueue/shared'
import { z } from 'zod'
import { bodySchemaOf } from '../http/bodies/body-schema.ts'
import { boundIssues } from '../http/bodies/bound-issues.ts'
import { toPlaces } from '../http/bodies/issue-places.ts'
import { describePlace } from '../http/bodies/json-pointer.ts'

export const metadataSchema = z
  .record(
    z.string().min(1).max(64, 'a name has at most 64 characters'),
    z.string().max(512, 'a value has at most 512 characters'),
  )
  .refine((metadata) => Object.keys(metadata).length <= 16, 'has at most 16 pairs')

/** What a webhook's address looks like, as far as a pattern tells. Where it may lead is checked by checkWebhookUrl. */
export const webhookPattern = String.raw`^https?://[^\s#@]+$`

const submitRequestSchema = boundIssues(
  z.strictObject({
    input: z.unknown().describe("The model's input, or an array of 1 to 1,000 of them."),
    version: z.string().min(1).optional().describe('A version of the model; otherwise its default one.'),
    priority: prioritySchema.default('normal'),
    metadata: metadataSchema
      .default({})
      .meta({ description: 'Yours: comes back with the prediction.', maxProperties: 16 }),
    webhook: z.string().nullish().meta({
      description: 'Where to post the prediction when it is final, signed (Standard Webhooks).',
      format: 'uri',
      pattern: webhookPattern,
      maxLength: 2048,
    }),
    webhook_events_filter: z
      .array(z.enum(webhookEvents, 'takes "start" and "completed"'))
      .min(1, 'takes "start", "completed" or both')
      .optional()
      .describe(
        'What to tell: that it is final, however it ended (the default), and (best effort) that it started.',
      ),
    webhook_payload: z
      .enum(['full', 'thin'], 'takes "full" or "thin"')
      .optional()
      .describe('thin leaves out input and output; full is the default.'),
  }),
  20,
)

/** The body of a submit. Its input is checked later, by the model. */
export type SubmitRequest = z.infer<typeof submitRequestSchema>

/** The JSON Schema of the body of a submit, for documents. The one of a model has that model's input in it. */
export const submitBodySchema = bodySchemaOf(submitRequestSchema)

/** Throws `invalid_input` with the places that are wrong. */
export const parseSubmitRequest = (body: unknown): SubmitRequest => {
  if (typeof body !== 'object' || body === null || Array.isArray(body) || !Object.hasOwn(body, 'input')) {
    throw invalid([{ pointer: '/input', detail: 'is missing; did you mean {"input": …}?' }])
  }
  const parsed = submitRequestSchema.safeParse(body)
  if (parsed.success) return parsed.data
  throw invalid(toPlaces(parsed.error.issues, ''))
}

const invalid = (places: ErrorPlace[]) => {
  const list = places.map(describePlace).join('; ')
  return new AppError('invalid_input', `the request can't be used: ${list}`, { places })
}
