import { AppError } from '@onqueue/shared'
import type { z } from 'zod'
import { toPlaces } from './issue-places.ts'
import { describePlace } from './json-pointer.ts'

/** A parsed JSON body in the shape of a schema. Throws `invalid_input` with the places that are wrong. */
export const parseBody = <Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> => {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const places = toPlaces(parsed.error.issues, '')
  throw new AppError('invalid_input', `the request can't be used: ${places.map(describePlace).join('; ')}`, {
    places,
  })
}
