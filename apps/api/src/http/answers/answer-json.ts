import { toJsonParts } from '@onqueue/shared'
import type { TypedResponse } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { JSONParsed } from 'hono/utils/types'
import type { ApiContext } from '../api-environment.ts'
import { sendAnswer } from './answer.ts'
import type { Answer } from './answer.ts'
import { bytesOfParts, chunkBytes, streamParts } from './json-stream.ts'

type Headers = Record<string, string>

/** Whether the request only reads, which is told by its method where it is not said. */
type Options = { isRead?: boolean }

/**
 * Answers with a value as JSON, as `c.json` does, of which parts may be stored: then they are read from Redis while it is
 * sent, and only a slice of it is in memory. Of a request that only reads it throws `server_busy` while too much is under way
 * for one more of them; what another one has done is told in any case, or its caller would do it again.
 */
export function answerJson<Value, Status extends ContentfulStatusCode>(
  c: ApiContext,
  value: Value,
  status: Status,
  headers?: Headers,
  options?: Options,
): Response & TypedResponse<JSONParsed<Value>, Status, 'json'>
export function answerJson(
  c: ApiContext,
  value: unknown,
  status: ContentfulStatusCode,
  headers: Headers = {},
  options: Options = {},
): Response {
  return sendAnswer(c, jsonAnswer(c, value, status, headers, options))
}

/** What `answerJson` answers. */
export const jsonAnswer = (
  c: ApiContext,
  value: unknown,
  status: ContentfulStatusCode,
  headers: Headers = {},
  { isRead = isReadByMethod(c) }: Options = {},
): Answer => {
  const parts = toJsonParts(value)
  const described = { 'Content-Type': 'application/json', ...headers }
  if (parts.length > 1) return partsAnswer(c, parts, status, described, { isRead })
  const [text] = parts
  if (text.length <= keptAsTextCharacters) return { status, headers: described, body: text }
  if (isRead) c.get('underWay')?.refuseBeyond(text.length)
  // out of the heap, where it would stay for as long as its reader takes
  return { status, headers: described, body: new Uint8Array(Buffer.from(text)) }
}

const keptAsTextCharacters = 64 * 1024

const isReadByMethod = (c: ApiContext) => c.req.method === 'GET'

/** The answer of `toJsonParts` with stored parts in it. */
export const partsAnswer = (
  c: ApiContext,
  parts: ReturnType<typeof toJsonParts>,
  status: ContentfulStatusCode,
  headers: Headers,
  { isRead = isReadByMethod(c) }: Options = {},
): Answer => {
  const underWay = c.get('underWay')
  const release = isRead ? underWay?.reserve(2 * chunkBytes) : underWay?.count(2 * chunkBytes)
  const stream = streamParts(parts, {
    onFailed: (err) => {
      c.get('log')?.warn({ err, requestId: c.get('requestId') }, 'an answer could not be sent whole')
      c.env.outgoing?.destroy()
    },
    onEnd: () => release?.(),
  })
  return { status, headers: { ...headers, 'Content-Length': String(bytesOfParts(parts)) }, body: stream }
}
