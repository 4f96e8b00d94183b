import { Busboy } from '@fastify/busboy'
import { AppError } from '@onqueue/shared'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** A file as it was sent: what it is called, and its bytes as they come. */
export type SentFile = {
  filename: string | undefined
  contentType: string | undefined
  content: AsyncIterable<Uint8Array>
}

/** Of what else a form has, which is ignored. */
const limits = { fields: 32, fieldSize: 64 * 1024, parts: 33, headerPairs: 32, headerSize: 16 * 1024 }

export const isForm = (contentType: string | undefined) =>
  /^multipart\/form-data\b/i.test(contentType?.trim() ?? '')

/**
 * The one part `file` of a form (RFC 7578), once it begins. Its content ends when the whole form was read, so that one that is
 * cut off makes no file. Throws `invalid_request` where the form has no such part, another file, or is no form.
 */
export const openFormFile = async (
  source: AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<SentFile> => {
  const form = createForm(contentType)
  const begun = Promise.withResolvers<SentFile>()
  let content: Readable | undefined
  form.on(
    'file',
    (field: unknown, stream, filename: unknown, transferEncoding: unknown, mimeType: unknown) => {
      stream.on('error', () => undefined)
      if (content || field !== 'file' || isTransferEncoded(transferEncoding)) {
        stream.resume()
        form.destroy(notTheFile(content !== undefined, field))
        return
      }
      content = stream
      begun.resolve({
        filename: typeof filename === 'string' ? filename : undefined,
        contentType: typeof mimeType === 'string' ? mimeType : undefined,
        content: untilFormEnds(stream),
      })
    },
  )
  const reading = pipeline(source, form).then(
    () => begun.reject(invalid('has no file: send it as the part "file", as curl -F file=@rows.csv does')),
    (err: unknown) => {
      const refusal = toRefusal(err)
      begun.reject(refusal)
      content?.destroy(refusal)
      throw refusal
    },
  )
  reading.catch(() => undefined)
  const untilFormEnds = async function* (stream: Readable): AsyncGenerator<Uint8Array, void> {
    try {
      yield* stream
      await reading
    } catch (err) {
      throw toRefusal(err)
    } finally {
      // who stops reading has the rest not sent on
      form.destroy()
    }
  }
  return begun.promise
}

const createForm = (contentType: string) => {
  try {
    return new Busboy({ headers: { 'content-type': contentType }, limits })
  } catch (err) {
    throw invalid('has no boundary in its Content-Type; leave that header to your client', err)
  }
}

const isTransferEncoded = (encoding: unknown) => encoding === 'base64' || encoding === 'quoted-printable'

const notTheFile = (isSecond: boolean, field: unknown) =>
  isSecond
    ? invalid('has more than one file; send each with a request of its own')
    : field === 'file'
      ? invalid('has its file in a transfer encoding; send its bytes as they are')
      : invalid('has its file in a part of another name; call it "file", as curl -F file=@rows.csv does')

const toRefusal = (err: unknown) => (err instanceof AppError ? err : invalid('is cut off, or no form', err))

const invalid = (what: string, cause?: unknown) =>
  new AppError('invalid_request', `the multipart body ${what}`, { cause })
