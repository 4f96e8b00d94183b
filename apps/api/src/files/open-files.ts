import type { Readable } from 'node:stream'
import { AppError, createFileStore, fileContentName, filePrefix, isFileId } from '@onqueue/shared'
import type {
  ByteRange,
  DatedStore,
  FileRecord,
  FileStore,
  Logger,
  OwnStorage,
  ReusedBuffers,
} from '@onqueue/shared'
import { createListFiles } from './list-files.ts'
import type { ListFiles } from './list-files.ts'
import { createReceiveFile } from './receive-file.ts'
import type { Upload, UploadLimits } from './receive-file.ts'
import { createFileSweeper } from './sweep-files.ts'

/** All that a dialect does with an owner's files. What takes an id throws `file_not_found`, also for those of others. */
export type Files = {
  /** Takes in a file; see receive-file.ts for what it throws. */
  receive(upload: Upload): Promise<FileRecord>
  read(id: string, owner: string): Promise<FileRecord>
  /** Opens bytes of a file that was read. Whoever opens destroys. */
  openContent(file: FileRecord, range: ByteRange, buffers?: ReusedBuffers): Promise<Readable>
  list: ListFiles
  /** Removes a file. Throws `file_in_use`. */
  remove(id: string, owner: string): Promise<void>
  /** Has a file stay until `user` lets go of it. Resolves to false where it is not there. */
  hold: FileStore['hold']
  letGo: FileStore['letGo']
  /** What is said of one that is not there. */
  notFound: () => AppError
  /** how long nothing of an upload may come */
  idleMs: number
}

/** Files, and what tidies up after them. `close` ends that. */
export const openFiles = ({
  storage,
  limits,
  idleMs,
  onReceived = () => undefined,
  log,
  ...redisStore
}: DatedStore & {
  storage: OwnStorage
  limits: Omit<UploadLimits, 'leaseMs'>
  idleMs: number
  /** A file was taken in. */
  onReceived?: (bytes: number) => void
  log: Logger
}): Files & { close(): Promise<void> } => {
  const { clock } = redisStore
  const store = createFileStore(redisStore)
  const leaseMs = 2 * idleMs
  const sweeper = createFileSweeper({
    store,
    storage: storage.open,
    clock,
    keptMs: limits.keptMs,
    intervalMs: Math.min(10_000, leaseMs / 4),
    log,
  })

  const read = async (id: string, owner: string) => {
    const record = isFileId(id) ? await store.read(id) : null
    // one that has expired is gone, whether or not it was swept
    if (record?.owner !== owner || record.expiresAt <= clock()) throw fileNotFound(limits.keptMs)
    return record
  }

  const receive = createReceiveFile({ store, storage: storage.open, clock, limits: { ...limits, leaseMs } })
  return {
    receive: async (upload) => {
      const file = await receive(upload)
      onReceived(file.bytes)
      return file
    },
    read,
    openContent: async ({ id }, range, buffers) =>
      (await storage.open()).openRange(fileContentName(id), range, buffers),
    list: createListFiles({ ...redisStore, store }),
    remove: async (id, owner) => {
      const file = await read(id, owner)
      const answer = await store.remove(id)
      if (answer === 'not-found') throw fileNotFound(limits.keptMs)
      if (answer === 'in-use') throw fileInUse()
      // or the sweeper does
      await removeBytes(file).catch((err: unknown) =>
        log.warn({ err, fileId: id }, 'bytes of a file stay for now'),
      )
    },
    hold: (id, user) => store.hold(id, user),
    letGo: (id, user) => store.letGo(id, user),
    notFound: () => fileNotFound(limits.keptMs),
    idleMs,
    close: () => sweeper.close(),
  }

  async function removeBytes({ id, storage: storageId }: FileRecord) {
    const opened = await storage.open()
    if (opened.id !== storageId) return
    await opened.remove(filePrefix(id))
    await store.forget(id, storageId)
  }
}

const fileNotFound = (keptMs: number) =>
  new AppError(
    'file_not_found',
    `no such file; files are kept for ${Math.round(keptMs / 3_600_000)} h after they were uploaded`,
  )

const fileInUse = () =>
  new AppError(
    'file_in_use',
    'a batch that has not ended reads this file; wait for its end, or cancel it, and then delete the file',
  )
