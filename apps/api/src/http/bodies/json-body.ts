import { AppError } from '@onqueue/shared'
import type { ApiContext } from '../api-environment.ts'
import { headOf } from '../request-head.ts'
import { decodeUtf8 } from './decode-utf8.ts'
import { parseJson } from './parse-json.ts'
import { readBytes } from './read-bytes.ts'
import type { BodyBytes } from './read-bytes.ts'
import { scanBytes } from './scan-bytes.ts'

/**
 * The JSON body of a request, as far as it is read at once: a short one is parsed, of a long one the bytes were looked
 * through. To parse those takes so long that it is done elsewhere; `release` is for when it is done.
 */
export type JsonBody = { value: unknown } | LongBody
export type LongBody = BodyBytes & { members: number }

/**
 * Reads the JSON body of a request.
 *
 * Throws `unsupported_media_type`, `body_too_large`, `malformed_json`, and what the scan and `parseJson` refuse.
 */
export type ReadJsonBody = (c: ApiContext) => Promise<JsonBody>

/** Longer bodies are not parsed where others wait: the worst of this length takes 10 ms. */
const maxParsedAtOnceBytes = 64 * 1024

export const createJsonReader = ({
  parsedAtOnceBytes = maxParsedAtOnceBytes,
  ...options
}: ReaderOptions & { parsedAtOnceBytes?: number }): ReadJsonBody => {
  const readText = createTextReader(options)
  return async (c) => {
    const body = await readText(c)
    if (body.bytes.length > parsedAtOnceBytes) return body
    try {
      return { value: parseJson(decodeUtf8(body.bytes), body) }
    } finally {
      body.release()
    }
  }
}

type ReaderOptions = {
  limitBytes: number
  /** whether the `Content-Type` will do: clients of some dialects send none */
  isJson?: (contentType: string) => boolean
}

/** Reads and looks through the bytes of a body, however short it is, and parses none of them. Throws what `ReadJsonBody` throws. */
export type ReadJsonText = (c: ApiContext) => Promise<LongBody>

export const createTextReader =
  ({ limitBytes, isJson = saysJson }: ReaderOptions): ReadJsonText =>
  async (c) => {
    requireJson(c, isJson)
    const { bytes, release } = await readBytes(c, limitBytes)
    try {
      return { bytes, release, members: (await scanBytes(bytes)).members }
    } catch (err) {
      release()
      throw err
    }
  }

/** Whether a body is to be parsed in a thread. */
export const isLong = ({ bytes }: Pick<LongBody, 'bytes'>) => bytes.length > maxParsedAtOnceBytes

/** Whether it is said to be lines of JSON, for which nobody has agreed on one name. */
export const saysJsonLines = (contentType: string) =>
  /^application\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines)\s*(?:;|$)/i.test(contentType)

/** The value of a body that is never long. Throws `body_too_large`, and what `ReadJsonBody` throws. */
export type ReadShortBody = (c: ApiContext) => Promise<unknown>

export const createShortReader = ({
  limitBytes = maxParsedAtOnceBytes,
  ...options
}: Partial<Parameters<typeof createJsonReader>[0]> = {}): ReadShortBody => {
  const readJsonBody = createJsonReader({ limitBytes, parsedAtOnceBytes: limitBytes, ...options })
  return async (c) => {
    const body = await readJsonBody(c)
    return 'value' in body ? body.value : undefined
  }
}

export const saysJson = (contentType: string) =>
  /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType)

/** JSON is UTF-8, whatever is said (RFC 8259, section 8.1): what says otherwise would be read as another text. */
const saysOtherCharset = (contentType: string) => {
  const [, ...parameters] = contentType.split(';').map((part) => part.trim())
  return parameters.some((one) => /^charset\s*=/i.test(one) && !/^charset\s*=\s*"?utf-?8"?$/i.test(one))
}

const requireJson = (c: ApiContext, isJson: (contentType: string) => boolean) => {
  const head = headOf(c)
  const contentType = head.header('content-type') ?? ''
  if (!isJson(contentType)) {
    throw new AppError(
      'unsupported_media_type',
      "the body must be JSON and say so: add -H 'content-type: application/json'",
    )
  }
  if (saysOtherCharset(contentType)) {
    throw new AppError(
      'unsupported_media_type',
      'JSON is UTF-8, and this body is said to be of another charset; send it as UTF-8, and say charset=utf-8 or nothing',
    )
  }
  const encoding = head.header('content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported_media_type', 'the body is compressed; send it without content-encoding')
  }
}
