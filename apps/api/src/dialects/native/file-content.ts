import type { Readable } from 'node:stream'
import type { ByteRange, ReusedBuffers } from '@onqueue/shared'
import { readRange } from '../../files/byte-range.ts'
import { dispositionOf } from '../../files/file-name.ts'
import { sendAnswer } from '../../http/answers/answer.ts'
import { streamedBody } from '../../http/answers/stream-answer.ts'
import type { ApiContext } from '../../http/api-environment.ts'

/** What is known of bytes before they are opened. */
export type Content = {
  /** with its quotes */
  etag: string
  bytes: number
  /** there will be more of it */
  isGrowing?: boolean
  filename: string | null
  contentType: string
  headers?: Record<string, string>
}

/**
 * Answers with the bytes of a file, or with one range of them. What somebody uploaded is never shown by a browser, nor run in
 * this server's name: it is saved, its type is not guessed, and what shows it all the same does so in a sandbox.
 */
export const answerContent = async (
  c: ApiContext,
  content: Content,
  open: (range: ByteRange, buffers: ReusedBuffers) => Promise<Readable>,
): Promise<Response> => {
  const { etag, bytes } = content
  const headers = { ...savedHeaders(content), ETag: etag, 'Accept-Ranges': 'bytes' }
  if (namesEtag(c.req.header('if-none-match'), etag))
    return sendAnswer(c, { status: 304, headers, body: null })

  const ifRange = c.req.header('if-range')
  // a range is of GET alone (RFC 9110, section 14.2)
  const isHead = c.req.method === 'HEAD'
  const mayBePart = !isHead && (ifRange === undefined || ifRange.trim() === etag)
  const asked = mayBePart ? c.req.header('range') : undefined
  const range = readRange(asked, bytes)
  const { start, end } = range ?? { start: 0, end: bytes }
  const described = {
    ...headers,
    'Content-Type': content.contentType,
    'Content-Length': String(end - start),
    ...(range ? { 'Content-Range': `bytes ${start}-${end - 1}/${content.isGrowing ? '*' : bytes}` } : {}),
  }
  const status = range ? 206 : 200
  // Hono answers HEAD with what GET does, and throws the body away
  if (isHead || start === end) return c.newResponse(null, status, described)
  return sendAnswer(c, {
    status,
    headers: described,
    body: await streamedBody(c, (buffers) => open({ start, end }, buffers)),
  })
}

/** What has a browser save it, whatever it is. */
export const savedHeaders = ({ filename, headers }: Pick<Content, 'filename' | 'headers'>) => ({
  ...headers,
  'Content-Disposition': dispositionOf(filename),
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': 'sandbox',
  'Cache-Control': 'private, no-cache',
})

/** Weak ones count, too (RFC 9110, section 13.1.2). */
const namesEtag = (header: string | undefined, etag: string) =>
  header?.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag) ?? false
