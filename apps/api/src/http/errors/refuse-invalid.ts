import { AppError } from '@onqueue/shared'
import type { z } from 'zod'
import { toPlaces } from '../bodies/issue-places.ts'

/** Given to every route that @hono/zod-openapi validates: what it finds leaves like any other error. */
export const refuseInvalid = (
  result: { success: true } | { success: false; target: string; error: z.core.$ZodError },
) => {
  if (result.success) return
  const places = toPlaces(result.error.issues, '')
  const list = places.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`).join('; ')
  throw new AppError('invalid_request', `the ${result.target} can't be used: ${list}`)
}
