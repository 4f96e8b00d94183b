import { AppError } from '@onqueue/shared'
import { z } from 'zod'

/** A place in a list of predictions, newest first: the items `after` (older) or `before` (newer) this one. */
export type ListCursor = z.infer<typeof cursorSchema>

const cursorSchema = z
  .tuple([z.enum(['after', 'before']), z.int(), z.string()])
  .transform(([direction, createdAt, id]) => ({ direction, createdAt, id }))

export const encodeCursor = ({ direction, createdAt, id }: ListCursor) =>
  Buffer.from(JSON.stringify([direction, createdAt, id])).toString('base64url')

/** Throws `invalid_request` for anything that `encodeCursor` did not make. */
export const decodeCursor = (text: string): ListCursor => {
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
  } catch (err) {
    throw new AppError('invalid_request', 'cursor: take it from the next or previous link of a list', {
      cause: err,
    })
  }
}
