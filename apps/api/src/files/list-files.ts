import { fileKeys } from '@onqueue/shared'
import type { FileRecord, FileStore, RedisStore } from '@onqueue/shared'
import type { ListCursor } from '../http/list-cursor.ts'
import { pageOf } from '../predictions/plan-page.ts'
import { isBeyond, readListing } from '../predictions/read-listing.ts'

/** Lists an owner's files, newest first; `next` leads to older ones, `previous` to newer ones. */
export type ListFiles = (query: {
  owner: string
  limit: number
  cursor: ListCursor | undefined
}) => Promise<{ files: FileRecord[]; next: ListCursor | null; previous: ListCursor | null }>

export const createListFiles =
  ({ redis, namespace, store }: RedisStore & { store: Pick<FileStore, 'read'> }): ListFiles =>
  async ({ owner, limit, cursor }) => {
    const key = fileKeys(namespace).index(owner)
    const range = { cursor, createdAfter: undefined, createdBefore: undefined, count: limit + 1 }
    const read = await readListing(redis, key, range)
    const found = read.filter((entry) => !cursor || isBeyond(entry, cursor))
    const { items, next, previous } = pageOf(found, { limit, cursor })
    const records = await Promise.all(items.map(({ id }) => store.read(id)))
    // one may have gone meanwhile
    return { files: records.filter((record) => record !== null), next, previous }
  }
