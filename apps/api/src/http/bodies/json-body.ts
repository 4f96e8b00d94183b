import { AppError } from '@onqueue/shared'
import type { ApiContext } from '../api-environment.ts'
import { parseJson } from './parse-json.ts'
import { readBytes } from './read-bytes.ts'
import { scanBytes } from './scan-bytes.ts'

/**
 * The parsed JSON body of a request.
 *
 * Throws `unsupported_media_type`, `body_too_large`, `malformed_json`, and what the scan and `parseJson` refuse.
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
    const bytes = await readBytes(c, limitBytes)
    const scanned = await scanBytes(bytes)
    return parseJson(decodeUtf8(bytes), scanned)
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

const decoder = new TextDecoder()
/** Without the byte order mark that some clients begin with. */
const decodeUtf8 = (bytes: Uint8Array) => decoder.decode(bytes)
