import { AppError, prioritySchema, webhookEvents } from '@onqueue/shared'
import type { ErrorPlace } from '@onqueue/shared'
import { z } from 'zod'
import { boundIssues } from '../http/bodies/bound-issues.ts'
import { toPlaces } from '../http/bodies/issue-places.ts'
import { describePlace } from '../http/bodies/json-pointer.ts'

const metadataSchema = z
  .record(
    z.string().min(1).max(64, 'a name has at most 64 characters'),
    z.string().max(512, 'a value has at most 512 characters'),
  )
  .refine((metadata) => Object.keys(metadata).length <= 16, 'has at most 16 pairs')

export const submitRequestSchema = boundIssues(
  z.strictObject({
    input: z.unknown(),
    version: z.string().min(1).optional(),
    priority: prioritySchema.default('normal'),
    metadata: metadataSchema.default({}),
    webhook: z.string().nullish(),
    webhook_events_filter: z
      .array(z.enum(webhookEvents, 'takes "start" and "completed"'))
      .min(1, 'takes "start", "completed" or both')
      .optional(),
    webhook_payload: z.enum(['full', 'thin'], 'takes "full" or "thin"').optional(),
  }),
  20,
)

/** The body of a submit. Its input is checked later, by the model. */
export type SubmitRequest = z.infer<typeof submitRequestSchema>

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
