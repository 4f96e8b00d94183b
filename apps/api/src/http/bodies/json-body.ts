import { AppError } from '@onqueue/shared'
import type { ApiContext } from '../api-environment.ts'
import { parseJson } from './parse-json.ts'

/**
 * The parsed JSON body of a request.
 *
 * Throws `unsupported_media_type`, `body_too_large`, `malformed_json`, and what `parseJson` refuses.
 */
export type ReadJsonBody = (c: ApiContext) => Promise<unknown>

export const createJsonReader =
  ({
    limitBytes,
    isJson = saysJson,
  }: {
    limitBytes: number
    /** whether the `Content-Type` will do: clients of some dialects send none */
    isJson?: (contentType: string) => boolean
  }): ReadJsonBody =>
  async (c) => {
    requireJson(c, isJson)
    return parseJson(await readText(c, limitBytes))
  }

const saysJson = (contentType: string) => /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType)

const requireJson = (c: ApiContext, isJson: (contentType: string) => boolean) => {
  if (!isJson(c.req.header('content-type') ?? '')) {
    throw new AppError(
      'unsupported_media_type',
      "the body must be JSON and say so: add -H 'content-type: application/json'",
    )
  }
  const encoding = c.req.header('content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported_media_type', 'the body is compressed; send it without content-encoding')
  }
}

/** A body that declares its length can't be longer than that, so only a chunked one has to be counted as it comes. */
const readText = async (c: ApiContext, limitBytes: number) => {
  const declared = c.req.header('content-length')
  if (declared !== undefined && Number(declared) > limitBytes) throw tooLarge(limitBytes)
  try {
    return await (declared === undefined ? readCounted(c.req.raw.body, limitBytes) : c.req.raw.text())
  } catch (err) {
    if (err instanceof AppError) throw err
    throw new AppError('invalid_request', 'the body did not arrive whole', { cause: err })
  }
}

const readCounted = async (body: ReadableStream<Uint8Array> | null, limitBytes: number) => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    if (bytes > limitBytes) throw tooLarge(limitBytes)
    chunks.push(chunk)
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}

const tooLarge = (limitBytes: number) =>
  new AppError('body_too_large', `the body is larger than ${limitBytes} bytes; send less at once`)
