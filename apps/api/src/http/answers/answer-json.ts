import { toJsonParts } from '@onqueue/shared'
import type { TypedResponse } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { JSONParsed } from 'hono/utils/types'
import type { ApiContext } from '../api-environment.ts'
import { bytesOfParts, chunkBytes, streamParts } from './json-stream.ts'

type Headers = Record<string, string>

/**
 * Answers with a value as JSON, as `c.json` does, of which parts may be stored: then they are read from Redis while it is
 * sent, and only a slice of it is in memory. Throws `server_busy` while too much is under way for one more of them.
 */
export function answerJson<Value, Status extends ContentfulStatusCode>(
  c: ApiContext,
  value: Value,
  status: Status,
  headers?: Headers,
): Response & TypedResponse<JSONParsed<Value>, Status, 'json'>
export function answerJson(
  c: ApiContext,
  value: unknown,
  status: ContentfulStatusCode,
  headers: Headers = {},
): Response {
  const parts = toJsonParts(value)
  const described = { 'Content-Type': 'application/json', ...headers }
  if (parts.length > 1) return answerParts(c, parts, status, described)
  const [text] = parts
  if (text.length <= keptAsTextCharacters) return c.body(text, status, described)
  // out of the heap, where it would stay for as long as its reader takes
  c.get('underWay')?.refuseBeyond(text.length)
  return c.body(new Uint8Array(Buffer.from(text)), status, described)
}

const keptAsTextCharacters = 64 * 1024

/** The answer of `toJsonParts` with stored parts in it. */
export const answerParts = (
  c: ApiContext,
  parts: ReturnType<typeof toJsonParts>,
  status: ContentfulStatusCode,
  headers: Headers,
) => {
  const release = c.get('underWay')?.reserve(2 * chunkBytes)
  const stream = streamParts(parts, {
    onFailed: (err) => {
      c.get('log')?.warn({ err, requestId: c.get('requestId') }, 'an answer could not be sent whole')
      c.env.outgoing?.destroy()
    },
    onEnd: () => release?.(),
  })
  return c.body(stream, status, { ...headers, 'Content-Length': String(bytesOfParts(parts)) })
}
