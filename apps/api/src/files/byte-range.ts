import { AppError } from '@onqueue/shared'
import type { ByteRange } from '@onqueue/shared'

/**
 * What of so many bytes a `Range` header asks for (RFC 9110, section 14): undefined for all of them, as where it is malformed,
 * in other units or of several ranges, which may be ignored. Throws `range_not_satisfiable` where there is nothing of it.
 */
export const readRange = (header: string | undefined, bytes: number): ByteRange | undefined => {
  const [, from = '', to = ''] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '') ?? []
  if (from === '' && to === '') return undefined
  if (from !== '' && to !== '' && Number(from) > Number(to)) return undefined
  const range =
    from === ''
      ? { start: Math.max(0, bytes - Number(to)), end: bytes }
      : { start: Number(from), end: to === '' ? bytes : Math.min(bytes, Number(to) + 1) }
  if (range.start < range.end) return range
  throw new AppError('range_not_satisfiable', `there are ${bytes} bytes, and nothing of this range`, {
    headers: { 'Content-Range': `bytes */${bytes}` },
  })
}
