import { AppError, prioritySchema } from '@onqueue/shared'
import type { ErrorPlace } from '@onqueue/shared'
import { z } from 'zod'
import { boundIssues } from './bound-issues.ts'
import { toPlaces } from './input-check.ts'
import { describePlace } from './json-pointer.ts'

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
  }),
  20,
)

/** The body of a submit. Its input is checked later, by the model. */
export type SubmitRequest = z.infer<typeof submitRequestSchema>

/** Named in the API's contract, and refused until they are built. */
const notYet = ['webhook', 'webhook_events_filter']

/** Throws `invalid_input` with the places that are wrong, and `not_supported` for what isn't built yet. */
export const parseSubmitRequest = (body: unknown): SubmitRequest => {
  if (typeof body !== 'object' || body === null || Array.isArray(body) || !Object.hasOwn(body, 'input')) {
    throw invalid([{ pointer: '/input', detail: 'is missing; did you mean {"input": …}?' }])
  }
  const parsed = submitRequestSchema.safeParse(body)
  if (parsed.success) return parsed.data
  const places = toPlaces(parsed.error.issues, '')
  const unsupported = places.find(({ pointer }) => notYet.includes(pointer.slice(1)))
  if (!unsupported) throw invalid(places)
  throw new AppError(
    'not_supported',
    'webhooks are not supported by this version; poll or wait for the prediction',
    {
      places: [{ pointer: unsupported.pointer, detail: 'is not supported yet' }],
    },
  )
}

const invalid = (places: ErrorPlace[]) => {
  const list = places.map(describePlace).join('; ')
  return new AppError('invalid_input', `the request can't be used: ${list}`, { places })
}
