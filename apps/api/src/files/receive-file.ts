import { createHash } from 'node:crypto'
import { AppError, fileContentName, filePrefix, newFileId } from '@onqueue/shared'
import type { FileLimits, FileRecord, FileStore, Storage } from '@onqueue/shared'
import { decodeContent } from './decode-content.ts'
import type { ContentEncoding } from './decode-content.ts'
import { cleanContentType, cleanFilename } from './file-name.ts'
import { isForm, openFormFile } from './form-file.ts'
import type { SentFile } from './form-file.ts'
import { peek } from './peek.ts'
import { Room } from './room.ts'

/** A file that is being sent, and what its request says of it. */
export type Upload = {
  owner: string
  body: AsyncIterable<Uint8Array>
  contentType: string | undefined
  encoding: ContentEncoding | undefined
  /** of the body as it is sent; undefined where its end will tell */
  contentLength: number | undefined
  /** where the body itself has none */
  filename: string | undefined
  /** looks at the beginning of what came, and throws where the rest is not wanted */
  check?: ((sent: Pick<SentFile, 'filename' | 'contentType'>, head: Buffer) => void) | undefined
}

/** How much of a file `check` sees. */
const checkedBytes = 64 * 1024

export type UploadLimits = FileLimits & {
  /** of one file, decoded */
  maxFileBytes: number
  /** of the storage, which files leave free */
  minFreeBytes: number
  /** how long an upload is reserved for without a sign of life */
  leaseMs: number
  /** how long a file is kept */
  keptMs: number
}

/** What a form may have beside its file. */
const formBytes = 64 * 1024
/** Reserved, and looked for on the disk, ahead of what has come. */
const stepBytes = 8 * 1024 * 1024

/**
 * Takes in a file, no faster than the storage takes it: decoded, out of its form, counted and hashed on the way. It is refused
 * before its first byte is read where its length alone says that it does not fit.
 *
 * Throws `body_too_large`, `files_full`, `storage_full`, `storage_unavailable`, `invalid_request`, and whatever reading the
 * body does. Then nothing is left of it.
 */
export const createReceiveFile = ({
  store,
  storage,
  clock,
  limits,
}: {
  store: FileStore
  storage: () => Promise<Storage>
  clock: () => number
  limits: UploadLimits
}) => {
  const room = new Room(limits.minFreeBytes)
  return async (upload: Upload): Promise<FileRecord> => {
    const { owner, contentLength } = upload
    const { maxFileBytes, leaseMs } = limits
    const mostSent = maxFileBytes + (isForm(upload.contentType) ? formBytes : 0)
    if (contentLength !== undefined && contentLength > mostSent) throw tooLarge(maxFileBytes)
    const opened = await storage()
    using place = room.enter(opened)
    await place.need(contentLength ?? 0)

    const createdAt = clock()
    const id = newFileId(createdAt)
    // what is decoded may be any length
    let reserved = upload.encoding === undefined ? Math.min(contentLength ?? 0, maxFileBytes) : 0
    let renewedAt = performance.now()
    const about = { owner, storage: opened.id }
    const answer = await store.reserve(id, { ...about, bytes: reserved, leaseMs }, limits)
    if (answer !== 'reserved') throw filesFull(answer, limits)

    const extendTo = async (bytes: number) => {
      renewedAt = performance.now()
      const reply = await store.extend(id, { ...about, bytes, leaseMs }, limits)
      if (reply === 'gone') throw uploadLost()
      if (reply === 'reserved') reserved = bytes
      return reply === 'reserved'
    }
    /** Has room for so many bytes, and some ahead of them where there is as much. */
    const reserveTo = async (bytes: number) => {
      if (bytes > reserved) {
        await place.need(stepBytes)
        if (await extendTo(Math.min(bytes + stepBytes, maxFileBytes))) return
        if (!(await extendTo(bytes))) throw filesFull('bytes-full', limits)
      } else if (performance.now() - renewedAt > leaseMs / 4) await extendTo(reserved)
    }

    const hash = createHash('sha256')
    let bytes = 0
    let lookedForAt = 0
    /** What is reserved of its owner is no room on the disk, on which others write, too. */
    const keepRoom = async () => {
      const toCome = Math.max(0, reserved - bytes)
      if (bytes - lookedForAt < stepBytes) return place.expect(toCome)
      lookedForAt = bytes
      await place.need(toCome)
    }
    const measure = async function* (content: AsyncIterable<Uint8Array>) {
      for await (const chunk of content) {
        bytes += chunk.byteLength
        if (bytes > maxFileBytes) throw tooLarge(maxFileBytes)
        await reserveTo(bytes)
        await keepRoom()
        hash.update(chunk)
        yield chunk
      }
    }

    try {
      const sent = await openSent(upload)
      await opened.put(fileContentName(id), measure(sent.content))
      const file = {
        ...about,
        filename: cleanFilename(sent.filename ?? upload.filename),
        contentType: cleanContentType(sent.contentType),
        bytes,
        sha256: hash.digest('hex'),
        createdAt,
        expiresAt: clock() + limits.keptMs,
      }
      if (await store.commit(id, file)) return { id, ...file }
      // it was given up, and swept, before these bytes were there
      await opened.remove(filePrefix(id))
      throw uploadLost()
    } catch (err) {
      // its bytes are the sweeper's: where Redis took the commit and its answer was lost it is a file. Where Redis does not take this,
      // the lease runs out
      await store.abort(id).catch(() => undefined)
      throw err
    }
  }
}

const openSent = async ({ body, encoding, contentType, check }: Upload): Promise<SentFile> => {
  const decoded = encoding === undefined ? body : decodeContent(body, encoding)
  const sent =
    contentType !== undefined && isForm(contentType)
      ? await openFormFile(decoded, contentType)
      : { filename: undefined, contentType, content: decoded }
  if (!check) return sent
  const { head, content } = await peek(sent.content, checkedBytes)
  try {
    check(sent, head)
  } catch (err) {
    // has the source end, too
    await content[Symbol.asyncIterator]().return?.(undefined)
    throw err
  }
  return { ...sent, content }
}

const tooLarge = (maxFileBytes: number) =>
  new AppError(
    'body_too_large',
    `a file may have ${maxFileBytes} bytes, decoded; split it, or ask the operator to raise ONQUEUE_FILE_MAX_BYTES`,
  )

const filesFull = (why: 'bytes-full' | 'files-full', { maxBytes, maxFiles }: FileLimits) =>
  new AppError(
    'files_full',
    why === 'bytes-full'
      ? `your files may have ${maxBytes} bytes together, and this one does not fit; DELETE files that are of no use any more`
      : `you may have ${maxFiles} files; DELETE files that are of no use any more`,
    { retryAfterSeconds: 60 },
  )

const uploadLost = () =>
  new AppError('server_busy', 'this upload stood still for too long and was given up; send it again', {
    retryAfterSeconds: 1,
  })
