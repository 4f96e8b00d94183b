import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ApiContext } from '../api-environment.ts'

/** What a request is answered with, but for what every answer has. */
export type Answer =
  | { status: ContentfulStatusCode; headers: Record<string, string>; body: AnswerBody }
  | { status: 304; headers: Record<string, string>; body: null }

type AnswerBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>

/** Answers behind the chain, whose headers are added to it. */
export const sendAnswer = (c: ApiContext, { body, status, headers }: Answer): Response =>
  c.newResponse(body, status, headers)

/** The same without a chain: Node writes these headers as they are. */
export const toResponse = ({ body, status, headers }: Answer, requestId: string): Response =>
  new Response(body, { status, headers: { ...headers, 'X-Request-Id': requestId } })
