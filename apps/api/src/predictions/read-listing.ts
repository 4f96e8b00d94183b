import { packIdOf } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import type { ListCursor } from '../http/list-cursor.ts'

/** Where something stands in a list, by when it was created (ms). */
export type ListPlace = { createdAt: number; id: string }

/** A prediction in the listing of an owner and a model, or a pack, a sorted set by creation time (ms) under `key`. */
export type ListingEntry = ListPlace & { key: string }

type Range = {
  /** entries beyond this one, in its direction; without one from the newest on */
  cursor: ListCursor | undefined
  /** ms, exclusive, as `createdBefore` */
  createdAfter: number | undefined
  createdBefore: number | undefined
  count: number
}

/**
 * Reads `count` entries, where there are so many, or one more: newest first, or oldest first when the cursor's direction is `before`. Entries of the
 * same millisecond are in the order of their ids, in Redis and here.
 */
export const readListing = async (redis: Redis, key: string, range: Range): Promise<ListingEntry[]> => {
  const { cursor, createdAfter, createdBefore, count } = range
  const isNewer = cursor?.direction === 'before'
  const oldest = isNewer ? Math.max(cursor.createdAt, afterMs(createdAfter)) : afterMs(createdAfter)
  const newest =
    cursor && !isNewer ? Math.min(cursor.createdAt, beforeMs(createdBefore)) : beforeMs(createdBefore)
  // entries of the cursor's own millisecond come again, and are left out below
  const ties = cursor ? await redis.zcount(key, cursor.createdAt, cursor.createdAt) : 0
  const limit = ['WITHSCORES', 'LIMIT', 0, count + 1 + ties] as const
  const members = isNewer
    ? await redis.zrangebyscore(key, scoreOf(oldest), scoreOf(newest), ...limit)
    : await redis.zrevrangebyscore(key, scoreOf(newest), scoreOf(oldest), ...limit)

  const entries: ListingEntry[] = []
  for (let index = 0; index + 1 < members.length; index += 2) {
    const entry = { key, id: String(members[index]), createdAt: Number(members[index + 1]) }
    if (!cursor || isBeyond(entry, cursor) || isOwnPack(entry, cursor)) entries.push(entry)
  }
  // a slot more, as of the cursor's own pack there may be none
  return entries.slice(0, count + 1)
}

/** Of the pack that the cursor's prediction is in there may be more. What has a pack's id and is the cursor itself is none. */
const isOwnPack = ({ id }: ListPlace, cursor: ListCursor) => id === packIdOf(cursor.id) && id !== cursor.id

/** Whether a place is on from the cursor, in its direction. */
export const isBeyond = (place: ListPlace, cursor: ListCursor) =>
  cursor.direction === 'before' ? isBefore(cursor, place) : isBefore(place, cursor)

/** Whether `a` is older than `b`, in the one order that lists have. */
export const isBefore = (a: ListPlace, b: ListPlace) =>
  a.createdAt < b.createdAt || (a.createdAt === b.createdAt && a.id < b.id)

const afterMs = (createdAfter: number | undefined) =>
  createdAfter === undefined ? -Infinity : createdAfter + 1
const beforeMs = (createdBefore: number | undefined) =>
  createdBefore === undefined ? Infinity : createdBefore - 1
const scoreOf = (ms: number) => (Number.isFinite(ms) ? ms : ms > 0 ? '+inf' : '-inf')
