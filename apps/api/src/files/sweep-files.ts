import { fileIdTime, filePrefix, isFileId, levelOf, Rounds } from '@onqueue/shared'
import type { FileStore, LocalStorage, Logger } from '@onqueue/shared'

/**
 * Removes what nobody needs any more: files that have expired, uploads whose process died or stood still, and the bytes of
 * both. Every API process does it, as the storage is there; what two of them do at once is done once.
 */
export type FileSweeper = { sweep(): Promise<void>; close(): Promise<void> }

/** How often it is looked for what neither Redis nor a lease tells of. */
const strayIntervalMs = 3_600_000
/** Records are looked up for so many at once. */
const maxAtOnce = 200

export const createFileSweeper = ({
  store,
  storage,
  clock,
  keptMs,
  intervalMs,
  log,
}: {
  store: FileStore
  storage: () => Promise<LocalStorage>
  clock: () => number
  /** of files, at the most */
  keptMs: number
  intervalMs: number
  log: Pick<Logger, 'warn' | 'debug' | 'info'>
}): FileSweeper => {
  const rounds = new Rounds({
    run: () => sweep(),
    intervalMs,
    onError: (err) => log[levelOf(err)]({ err }, 'files could not be swept'),
  })
  let lookedForStraysAt = -Infinity

  const removeBytes = async (opened: LocalStorage) => {
    const next = () => store.removed(opened.id)
    for (let ids = await next(); ids.length > 0 && !rounds.isClosed; ids = await next()) {
      for (const id of ids) {
        await opened.remove(filePrefix(id))
        await store.forget(id, opened.id)
      }
    }
  }

  /**
   * Bytes without a record, as a Redis that lost records leaves them. They are kept as long as a file is, whatever Redis says: one
   * that was emptied may be given its data back, and one that is another by mistake knows none of them.
   */
  const removeStrays = async (opened: LocalStorage) => {
    await opened.sweep()
    let ids = new Set<string>()
    const removeUnknown = async () => {
      for (const id of await store.unknown([...ids])) {
        log.info({ fileId: id }, 'removed the bytes of a file that redis does not know')
        await opened.remove(filePrefix(id))
      }
      ids = new Set()
    }
    for await (const name of opened.list('files/')) {
      const [, id = ''] = name.split('/')
      if (isFileId(id) && fileIdTime(id) < clock() - keptMs) ids.add(id)
      if (ids.size === maxAtOnce) await removeUnknown()
    }
    await removeUnknown()
  }

  const sweep = async () => {
    while (!rounds.isClosed && (await store.sweep()) > 0);
    const opened = await storage()
    await removeBytes(opened)
    if (performance.now() - lookedForStraysAt < strayIntervalMs) return
    lookedForStraysAt = performance.now()
    await removeStrays(opened)
  }

  return {
    sweep,
    close: () => rounds.close(),
  }
}
