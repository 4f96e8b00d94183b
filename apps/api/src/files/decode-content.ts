import { once } from 'node:events'
import type { Transform } from 'node:stream'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { AppError } from '@onqueue/shared'

/**
 * Windows up to 8 MB: what zstd has up to level 19. It is memory that whoever sends a file decides about, and 128 MB for each of
 * some uploads at once are more than this process has.
 */
const maxWindowLog = 23

const encodings = {
  gzip: createGunzip,
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog } }),
} as const
export type ContentEncoding = keyof typeof encodings

/** Of a `Content-Encoding` header; undefined where nothing is encoded. Throws `unsupported_media_type`. */
export const readContentEncoding = (header: string | undefined): ContentEncoding | undefined => {
  const name = header
    ?.trim()
    .toLowerCase()
    .replace(/^x-gzip$/, 'gzip')
  if (name === undefined || name === '' || name === 'identity') return undefined
  if (name === 'gzip' || name === 'zstd') return name
  throw new AppError(
    'unsupported_media_type',
    'of content encodings this server knows gzip and zstd, one at a time; send it in one of them, or as it is',
    { headers: { 'Accept-Encoding': 'gzip, zstd' } },
  )
}

/**
 * What a source is when it is decoded, no faster than it is taken.
 *
 * A body may be several frames one behind the other (`cat a.gz b.gz`, pzstd). Node's decoder for zstd ends after the first one
 * and says nothing, as that for gzip does where zeros follow: what it has not taken is given to another one, which refuses it
 * where it is no frame. What ends in the middle of a frame is refused, too, and so are more frames than anybody has use for, as each
 * costs a decoder. All with `invalid_request`.
 */
export const decodeContent = async function* (
  source: AsyncIterable<Uint8Array>,
  encoding: ContentEncoding,
): AsyncGenerator<Uint8Array, void> {
  let decoder: FrameDecoder | undefined
  let sentBytes = 0
  let frames = 0
  try {
    for await (const chunk of source) {
      sentBytes += chunk.byteLength
      let rest = chunk
      while (rest.byteLength > 0) {
        if (!decoder) {
          frames += 1
          if (frames > mostFrames(sentBytes)) throw new TooManyFrames()
          decoder = new FrameDecoder(encodings[encoding]())
        }
        const taken = yield* decoder.write(rest)
        if (taken < rest.byteLength) {
          decoder.close()
          decoder = undefined
        }
        rest = rest.subarray(taken)
      }
    }
    if (decoder) yield* decoder.end()
    else if (sentBytes === 0) throw new NotDecodable('it is empty')
  } catch (err) {
    throw explain(err, encoding)
  } finally {
    decoder?.close()
  }
}

/** A decoder of Node that tells how much it has taken. */
class FrameDecoder {
  readonly #transform: Transform & { bytesWritten: number }
  #failure: Error | undefined
  #written = 0

  constructor(transform: Transform & { bytesWritten: number }) {
    this.#transform = transform
    transform.on('error', (err) => (this.#failure = new NotDecodable(err.message, { cause: err })))
  }

  /** Yields what comes out of a chunk, and returns how much of it was taken: less than all where the frame ended in it. */
  async *write(chunk: Uint8Array): AsyncGenerator<Uint8Array, number> {
    let isTaken = false
    this.#transform.write(chunk, () => {
      isTaken = true
      this.#transform.emit('taken')
    })
    yield* this.#read(() => isTaken)
    const before = this.#written
    this.#written += chunk.byteLength
    return this.#transform.bytesWritten - before
  }

  async *end(): AsyncGenerator<Uint8Array, void> {
    this.#transform.end()
    yield* this.#read(() => this.#transform.readableEnded)
  }

  close() {
    this.#transform.destroy()
  }

  async *#read(isDone: () => boolean): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const out: unknown = this.#transform.read()
      if (this.#failure) throw this.#failure
      if (out instanceof Uint8Array) yield out
      else if (isDone()) return
      else await this.#moves()
    }
  }

  /** Resolves when anything has happened to it. */
  async #moves() {
    const over = new AbortController()
    const { signal } = over
    const events = ['readable', 'taken', 'end', 'close'].map((event) =>
      once(this.#transform, event, { signal }),
    )
    await Promise.race(events.map((event) => event.catch(() => undefined))).finally(() => over.abort())
  }
}

class NotDecodable extends Error {}
class TooManyFrames extends NotDecodable {}

/** Whoever makes frames makes them of some size, but for a few. */
const mostFrames = (sentBytes: number) => 1000 + sentBytes / 16_384

const explain = (err: unknown, encoding: ContentEncoding) => {
  if (!(err instanceof NotDecodable)) return err
  if (err instanceof TooManyFrames)
    return refuse(encoding, 'it has very many tiny frames; send it in one', err)
  const code = err.cause instanceof Error && 'code' in err.cause ? err.cause.code : undefined
  const why =
    code === 'Z_BUF_ERROR'
      ? 'it ends in the middle; send all of it'
      : code === 'ZSTD_error_frameParameter_windowTooLarge'
        ? 'its window is larger than 8 MB; compress with level 19 or less, without --long and --ultra'
        : 'something in it, or behind it, is no frame of that; leave the header out where it is not encoded'
  return refuse(encoding, why, err)
}

const refuse = (encoding: ContentEncoding, why: string, cause: unknown) =>
  new AppError(
    'invalid_request',
    `Content-Encoding says ${encoding}, and the body can't be decoded: ${why}`,
    {
      cause,
    },
  )
