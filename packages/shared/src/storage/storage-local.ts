import { randomUUID } from 'node:crypto'
import { mkdir, open, opendir, readdir, rename, rm, stat, statfs, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { isMissing, onDisk, unavailable } from './disk-errors.ts'
import type { ReusedBuffers } from './reused-buffers.ts'
import { checkName, checkPrefix } from './storage.ts'
import type { ByteRange, Storage } from './storage.ts'
import { findStorageId, readStorageId } from './storage-id.ts'

export type LocalStorage = Storage & {
  /** Removes what was put by processes that died in the middle of it, and that nobody removed by its prefix. */
  sweep(): Promise<void>
  /** Removes what is being put under names that begin with a prefix, and was by processes that died: whoever still does fails. */
  removeUnfinished(prefix: string): Promise<void>
}

/** How much of a file is read at once. */
const readBytes = 256 * 1024
/** No put goes on for so long without a byte. */
const leftoverMs = 24 * 3_600_000

/**
 * The storage in a folder, which is made where it is missing:
 *
 *     storage-id          its id, written once
 *     objects/<name>      what lies there
 *     incoming/           what is being put, each in a file of its own
 *
 * A file is renamed from `incoming` when all of it is on the disk. Whoever dies before leaves it there, where `remove` of its
 * prefix takes it, or the sweep after a day.
 *
 * Throws `storage_unavailable` where the folder can't be used.
 */
export const openLocalStorage = async (folder: string): Promise<LocalStorage> => {
  const root = resolve(folder)
  const objects = join(root, 'objects')
  const incoming = join(root, 'incoming')
  const id = await onDisk(async () => {
    await mkdir(objects, { recursive: true })
    await mkdir(incoming, { recursive: true })
    return readStorageId(root)
  })

  const put = async (name: string, source: AsyncIterable<Uint8Array>) => {
    checkName(name)
    const target = join(objects, name)
    const unfinished = join(incoming, `${flatten(name)}~${randomUUID()}`)
    const file = await onDisk(() => open(unfinished, 'wx', 0o640))
    try {
      let bytes = 0
      for await (const chunk of source) {
        await onDisk(() => writeAll(file, chunk))
        bytes += chunk.byteLength
      }
      await onDisk(async () => {
        await file.sync()
        await file.close()
        await mkdir(dirname(target), { recursive: true })
        await rename(unfinished, target)
        await syncFolders(dirname(target), objects)
      })
      return bytes
    } catch (err) {
      await file.close().catch(() => undefined)
      await unlink(unfinished).catch(() => undefined)
      throw err
    }
  }

  const size = (name: string) => {
    checkName(name)
    return onDisk(() =>
      stat(join(objects, name)).then(
        ({ size: bytes }) => bytes,
        async (err: unknown) => {
          if (!isMissing(err)) throw err
          if ((await findStorageId(root)) === id) return undefined
          throw new Error(`${root} is not the storage that it was; is its disk mounted?`)
        },
      ),
    )
  }

  const removeUnfinished = async (prefix: string) => {
    checkPrefix(prefix)
    for (const name of await readdir(incoming))
      if (name.startsWith(flatten(prefix))) await rm(join(incoming, name), { force: true })
  }

  return {
    id,
    put,
    openRange: async (name, { start, end }, buffers) => {
      const bytes = await size(name)
      if (bytes === undefined || bytes < end) throw unavailable(new Error(`${name} is not there, or cut off`))
      if (start >= end) return Readable.from([])
      const file = await onDisk(() => open(join(objects, name)))
      if (buffers) return readInto(buffers, file, { start, end })
      return file.createReadStream({ start, end: end - 1, highWaterMark: readBytes })
    },
    size,
    list: async function* (prefix) {
      checkPrefix(prefix)
      for await (const path of filesBelow(join(objects, prefix))) yield relative(objects, path)
    },
    remove: async (prefix) => {
      checkPrefix(prefix)
      await onDisk(async () => {
        await removeUnfinished(prefix)
        await rm(join(objects, prefix), { recursive: true, force: true })
      })
    },
    freeBytes: () =>
      onDisk(async () => {
        const { bavail, bsize } = await statfs(root)
        return bavail * bsize
      }),
    sweep: () => onDisk(() => removeLeftovers(incoming)),
    removeUnfinished: (prefix) => onDisk(() => removeUnfinished(prefix)),
  }
}

/** A name as the beginning of a file's: `~` is in none. */
const flatten = (name: string) => name.replaceAll('/', '~')

const writeAll = async (file: FileHandle, chunk: Uint8Array) => {
  for (let written = 0; written < chunk.byteLength;) {
    written += (await file.write(chunk, written)).bytesWritten
  }
}

/** As a read stream does, but into buffers that are used again. */
const readInto = (buffers: ReusedBuffers, file: FileHandle, { start, end }: ByteRange): Readable => {
  const readAll = async function* () {
    for (let at = start; at < end;) {
      const from = at
      const chunk = await buffers.fill(
        async (buffer) => (await file.read(buffer, 0, Math.min(buffer.length, end - from), from)).bytesRead,
      )
      if (chunk.length === 0) throw unavailable(new Error('a file was cut off while it was read'))
      at += chunk.length
      yield chunk
    }
  }
  // a generator that was never asked ends without its `finally`
  return Readable.from(readAll(), { objectMode: false }).once(
    'close',
    () => void file.close().catch(() => undefined),
  )
}

/** Has a rename outlast a power cut: of the folder that it was made in, and those that were made for it. */
const syncFolders = async (folder: string, top: string) => {
  for (let at = folder; ; at = dirname(at)) {
    const handle = await open(at)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (at === top) return
  }
}

/** Files that nobody has written to for a day, by the clock of the disk itself: a file that is new now tells the time. */
const removeLeftovers = async (incoming: string) => {
  const probe = join(incoming, `~${randomUUID()}`)
  await (await open(probe, 'wx')).close()
  const { mtimeMs: now } = await stat(probe)
  await unlink(probe)
  for (const name of await readdir(incoming)) {
    const path = join(incoming, name)
    const found = await stat(path).catch(() => undefined)
    if (found && now - found.mtimeMs > leftoverMs) await rm(path, { force: true })
  }
}

const filesBelow = async function* (folder: string): AsyncGenerator<string> {
  const entries = await onDisk(() =>
    opendir(folder).catch((err: unknown) => {
      if (isMissing(err)) return []
      throw err
    }),
  )
  for await (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else yield path
  }
}
