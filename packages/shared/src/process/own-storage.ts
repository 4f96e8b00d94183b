import { openLocalStorage } from '../storage/storage-local.ts'
import type { LocalStorage } from '../storage/storage-local.ts'
import type { Logger } from './logger.ts'

/** The storage of this process, opened when it is first asked for, and again where that failed. */
export type OwnStorage = {
  /** Throws `storage_unavailable`. */
  open: () => Promise<LocalStorage>
  /** undefined while it was not opened yet */
  id: () => string | undefined
}

/** Begins to open it. One that can't be used ends nothing but what needs files, and the log says so. */
export const createOwnStorage = ({
  folder,
  log,
}: {
  folder: string
  log: Pick<Logger, 'error'>
}): OwnStorage => {
  let id: string | undefined
  let opening: Promise<LocalStorage> | undefined
  const open = () => {
    opening ??= openLocalStorage(folder).then(
      (storage) => {
        id = storage.id
        return storage
      },
      (err: unknown) => {
        opening = undefined
        log.error(
          { err, folder },
          'the storage of files can not be used: make it a folder that this process may write to, or set ONQUEUE_STORAGE to another one',
        )
        throw err
      },
    )
    return opening
  }
  open().catch(() => undefined)
  return { open, id: () => id }
}
