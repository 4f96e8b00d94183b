import type { ListCursor } from '../http/list-cursor.ts'
import type { ListPlace } from './read-listing.ts'

type Page<Item> = {
  /** newest first */
  items: Item[]
  /** leads to older ones; null where there are none */
  next: ListCursor | null
  /** leads to newer ones */
  previous: ListCursor | null
}

/**
 * The page of what was found so far, on from a cursor and in its direction; null where it takes more reading.
 *
 * A page is done when one more than `limit` was found, which tells that there are more; when everything was read; or when
 * enough was read for one page. The last one goes on where reading stopped, however few were found.
 */
export const planPage = <Item extends ListPlace>({
  found,
  lastRead,
  isAllRead,
  isEnoughRead,
  limit,
  cursor,
}: {
  /** what belongs in the page, in the order in which it was read */
  found: readonly Item[]
  lastRead: ListPlace | undefined
  isAllRead: boolean
  isEnoughRead: boolean
  limit: number
  cursor: ListCursor | undefined
}): Page<Item> | null => {
  const isFull = found.length > limit
  if (!isFull && !isAllRead && !isEnoughRead) return null
  const items = found.slice(0, limit)
  const stop = isFull ? items.at(-1) : isAllRead ? undefined : lastRead
  return cursor?.direction === 'before'
    ? { items: items.toReversed(), next: cursorAt('after', items[0]), previous: cursorAt('before', stop) }
    : { items, next: cursorAt('after', stop), previous: cursor ? cursorAt('before', items[0]) : null }
}

const cursorAt = (direction: ListCursor['direction'], place: ListPlace | undefined): ListCursor | null =>
  place ? { direction, createdAt: place.createdAt, id: place.id } : null

/** The page of a listing of which what follows the cursor was read, up to one more than `limit`, and of which all belongs in it. */
export const pageOf = <Item extends ListPlace>(
  found: readonly Item[],
  { limit, cursor }: { limit: number; cursor: ListCursor | undefined },
): Page<Item> =>
  planPage({
    found,
    lastRead: found.at(-1),
    isAllRead: found.length <= limit,
    isEnoughRead: true,
    limit,
    cursor,
  }) ?? { items: [], next: null, previous: null }
