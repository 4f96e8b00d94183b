import { randomUUID } from 'node:crypto'
import { constants, copyFile, link, open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The id of the storage in a folder, written by who comes first and never again.
 *
 * Processes on different machines may be given the same path, which is another disk on each of them: what one keeps the other
 * does not find. Each tells the id that it reads, and ids that differ give it away.
 */
export const readStorageId = async (root: string): Promise<string> => {
  const path = join(root, 'storage-id')
  const found = await findStorageId(root)
  if (found !== undefined) return found
  const own = join(root, `storage-id~${randomUUID()}`)
  const file = await open(own, 'wx', 0o644)
  try {
    await file.writeFile(`${randomUUID()}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    // fails for all but the first, and shows nobody a file that is half written
    await link(own, path)
  } catch {
    // some shares have no links: there two processes that start at the same moment may have to be started again
    await copyFile(own, path, constants.COPYFILE_EXCL).catch(() => undefined)
  }
  await unlink(own)
  const id = await findStorageId(root)
  if (id === undefined) throw new Error(`${path} is there and has no id in it: remove it`)
  return id
}

/** The same where it is written already; undefined where there is none, as where the disk of a storage is not mounted. */
export const findStorageId = async (root: string): Promise<string | undefined> => {
  const text = await readFile(join(root, 'storage-id'), 'utf8').catch(() => '')
  return text.trim() || undefined
}

/** That others have another storage than this process, a sentence; none where all have the same, or this one has none. */
export const explainOtherStorage = (own: string | undefined, others: readonly string[]): string[] => {
  const ids = new Set(others.filter((id) => id !== own))
  if (own === undefined || ids.size === 0) return []
  return [
    `other processes have another storage than this one (${own}; ${[...ids].join(', ')}): give all of them one folder ` +
      'that they share, in ONQUEUE_STORAGE',
  ]
}
