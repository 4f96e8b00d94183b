import { parseFile } from '../contract/file.ts'
import type { FileAbout, FileRecord } from '../contract/file.ts'
import { fileKeys } from '../redis/names.ts'
import type { DatedStore } from '../redis/redis-store.ts'
import { commitUpload } from './commit-upload.ts'
import { endUploads } from './end-uploads.ts'
import { removeFiles } from './remove-files.ts'
import { reserveUpload } from './reserve-upload.ts'
import { holdFile } from './hold-file.ts'

/** How much an owner may have, uploads under way included. */
export type FileLimits = { maxBytes: number; maxFiles: number }

/** An upload under way: the id of its storage, what is reserved of its owner's limits, and until when, in ms from now. */
export type Reservation = { owner: string; storage: string; bytes: number; leaseMs: number }

/**
 * The records of files. An upload reserves what it takes, before and while it arrives, and holds that by a lease; then it
 * becomes a file. What is reserved and what is there is counted to the byte, whoever dies: an upload whose lease is over is
 * ended by who sweeps, and can't become a file any more.
 *
 * What goes is named in `removed` in the same step, and stays there until its bytes are removed, too: by a process that has the
 * storage in which they are.
 */
export type FileStore = {
  /** Begins an upload, or has it reserve as many bytes as are given now, in place of those that it has; renews its lease. */
  reserve(
    id: string,
    reservation: Reservation,
    limits: FileLimits,
  ): Promise<'reserved' | 'bytes-full' | 'files-full'>
  /** The same for one that began; `gone` where its lease was over, and it was ended. */
  extend(
    id: string,
    reservation: Reservation,
    limits: FileLimits,
  ): Promise<'reserved' | 'bytes-full' | 'gone'>
  /** Makes an upload a file. Resolves to false where it was ended before. */
  commit(id: string, about: FileAbout): Promise<boolean>
  /** Ends an upload that does not become a file, and gives back what it has reserved. */
  abort(id: string): Promise<void>
  read(id: string): Promise<FileRecord | null>
  remove(id: string): Promise<'removed' | 'in-use' | 'not-found'>
  /** Has a file stay, until all that use it have let go; `user` is what does. Resolves to false where it is not there. */
  hold(id: string, user: string): Promise<boolean>
  letGo(id: string, user: string): Promise<void>
  usage(owner: string): Promise<{ bytes: number; files: number }>
  /** Removes files that have expired and nothing uses, and ends uploads whose lease is over. Resolves to how many. */
  sweep(): Promise<number>
  /** Ids of what is gone and may have bytes in a storage. */
  removed(storage: string): Promise<string[]>
  /** Its bytes are removed, too. */
  forget(id: string, storage: string): Promise<void>
  /** Those of the ids that are neither a file nor an upload under way. */
  unknown(ids: readonly string[]): Promise<string[]>
}

const maxAtOnce = 200

export const createFileStore = ({ redis, namespace, clock }: DatedStore): FileStore => {
  const keys = fileKeys(namespace)
  const [reserving, committing, ending, removing, holding] = [
    reserveUpload.on(redis),
    commitUpload.on(redis),
    endUploads.on(redis),
    removeFiles.on(redis),
    holdFile.on(redis),
  ]
  const starts = { usageStart: keys.usage(''), removedStart: keys.removed('') }

  const reserve = (
    id: string,
    { owner, storage, bytes, leaseMs }: Reservation,
    limits: FileLimits,
    isNew: boolean,
  ) =>
    reserving.run({
      keys: { upload: keys.upload(id), uploads: keys.uploads, usage: keys.usage(owner) },
      args: { id, owner, storage, bytes, leaseEnd: clock() + leaseMs, ...limits, isNew: isNew ? 1 : 0 },
    })
  const end = (id: string, leaseEnd: number) =>
    ending.run({
      keys: { uploads: keys.uploads },
      args: { id, leaseEnd, now: clock(), maxAtOnce, uploadStart: keys.upload(''), ...starts },
    })
  const remove = (id: string, expiredAt: number) =>
    removing.run({
      keys: { expiries: keys.expiries },
      args: {
        id,
        expiredAt,
        now: clock(),
        maxAtOnce,
        fileStart: keys.file(''),
        usesStart: keys.uses(''),
        indexStart: keys.index(''),
        ...starts,
      },
    })

  return {
    reserve: async (id, reservation, limits) => {
      const reply = await reserve(id, reservation, limits, true)
      if (reply === 'gone') throw new Error('unreachable: it is new')
      return reply
    },
    extend: async (id, reservation, limits) => {
      const reply = await reserve(id, reservation, limits, false)
      if (reply === 'files-full') throw new Error('unreachable: it is one of the files')
      return reply
    },
    commit: async (id, about) => {
      const reply = await committing.run({
        keys: {
          upload: keys.upload(id),
          uploads: keys.uploads,
          usage: keys.usage(about.owner),
          file: keys.file(id),
          index: keys.index(about.owner),
          expiries: keys.expiries,
        },
        args: {
          id,
          about: JSON.stringify(about),
          bytes: about.bytes,
          createdAt: about.createdAt,
          expiresAt: about.expiresAt,
        },
      })
      return reply === 1
    },
    abort: async (id) => void (await end(id, 0)),
    read: async (id) => {
      const about = await redis.hget(keys.file(id), 'about')
      return about === null ? null : parseFile(id, about)
    },
    remove: async (id) => {
      const { removed, held } = await remove(id, 0)
      return removed > 0 ? 'removed' : held > 0 ? 'in-use' : 'not-found'
    },
    hold: async (id, user) =>
      (await holding.run({ keys: { file: keys.file(id), uses: keys.uses(id) }, args: { user } })) === 1,
    letGo: async (id, user) => void (await redis.srem(keys.uses(id), user)),
    usage: async (owner) => {
      const [bytes = null, files = null] = await redis.hmget(keys.usage(owner), 'bytes', 'files')
      return { bytes: Number(bytes ?? 0), files: Number(files ?? 0) }
    },
    sweep: async () => (await end('', clock())) + (await remove('', clock())).removed,
    removed: (storage) => redis.zrange(keys.removed(storage), '0', String(maxAtOnce - 1)),
    forget: async (id, storage) => void (await redis.zrem(keys.removed(storage), id)),
    unknown: async (ids) => {
      const counts = await Promise.all(ids.map((id) => redis.exists(keys.file(id), keys.upload(id))))
      return ids.filter((_, index) => counts[index] === 0)
    },
  }
}
