import { modelKeys, statusOf } from '@onqueue/shared'
import type { DatedStore, PredictionRecord, PredictionStatus } from '@onqueue/shared'
import type { ListCursor } from '../http/list-cursor.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
import { maxReadAtOnce } from './many/in-chunks.ts'
import { keepIncluded } from './many/keep-included.ts'
import type { Included } from './many/keep-included.ts'
import { PageRoom } from './many/page-room.ts'
import { planPage } from './plan-page.ts'
import { isBefore, isBeyond, readListing } from './read-listing.ts'
import type { ListPlace } from './read-listing.ts'
import { unpackEntries } from './unpack-entries.ts'
import type { PredictionEntry } from './unpack-entries.ts'
import type { PredictionReader } from './read-prediction.ts'

/**
 * Lists an owner's predictions, newest first, over all models. `next` leads to older ones, `previous` to newer ones; null
 * where there are none.
 *
 * The listings of the models are merged; entries whose prediction is gone are dropped from them here. A filter by status
 * has to read the predictions: it looks at so many at the most, and the next page goes on from there. Inputs and outputs are
 * only kept where they are asked for, and then a page ends when it has so many bytes of them.
 */
export type ListPredictions = (query: ListQuery) => Promise<PredictionPage>

type ListQuery = {
  owner: string
  model: string | undefined
  status: PredictionStatus | undefined
  /** ms, exclusive, as `createdBefore` */
  createdAfter: number | undefined
  createdBefore: number | undefined
  limit: number
  cursor: ListCursor | undefined
  include: Included
}

type PredictionPage = {
  records: PredictionRecord[]
  next: ListCursor | null
  previous: ListCursor | null
}

const maxEntriesRead = 1000
/** An entry without a job that is younger than this may be about to get one. */
const settledAfterMs = 60_000

type Options = DatedStore & {
  catalog: Pick<ModelCatalog, 'list' | 'get'>
  reader: PredictionReader
}

export const createListPredictions = (options: Options): ListPredictions => {
  const { redis, namespace, catalog, reader, clock } = options

  /** The next `count` predictions of all asked models, on from the cursor and in its direction. */
  const readEntries = async (query: ListQuery, cursor: ListCursor | undefined, count: number) => {
    const models = catalog.list().filter(({ name }) => query.model === undefined || name === query.model)
    const listings = await Promise.all(
      models.map(({ name }) => {
        const key = modelKeys(namespace, name).index(query.owner)
        return readListing(redis, key, { ...query, cursor, count })
      }),
    )
    const isNewerFirst = cursor?.direction !== 'before'
    const inOrder = (a: ListPlace, b: ListPlace) => (isBefore(a, b) === isNewerFirst ? 1 : -1)
    // more than `count` where the cursor is in a pack, of which there may be nothing more
    const entries = listings
      .flat()
      .sort(inOrder)
      .slice(0, count + 1)
    const predictions = (await unpackEntries({ redis, namespace }, entries))
      .filter((entry) => !cursor || isBeyond(entry, cursor))
      .sort(inOrder)
    return {
      entries: predictions.slice(0, count),
      isAllRead: entries.length <= count && predictions.length <= count,
    }
  }

  /** Those of the entries whose predictions belong in the list. */
  const readMatching = async (entries: PredictionEntry[], { owner, status, include }: ListQuery) => {
    const records = await Promise.all(entries.map(({ id }) => reader.find(id, owner)))
    const gone = entries.filter(
      ({ createdAt, isInPack }, index) =>
        !records[index] && !isInPack && clock() - createdAt > settledAfterMs,
    )
    await Promise.all(gone.map(({ key, id }) => redis.zrem(key, id)))
    return entries.flatMap(({ id, createdAt }, index) => {
      const record = records[index]
      return record && (status === undefined || statusOf(record) === status)
        ? [{ id, createdAt, record: keepIncluded(record, include) }]
        : []
    })
  }

  return async (query) => {
    const { limit, cursor } = query
    const count = query.status === undefined ? Math.min(limit + 1, maxReadAtOnce) : maxReadAtOnce
    const found: Awaited<ReturnType<typeof readMatching>> = []
    const room = new PageRoom()
    let lastRead: PredictionEntry | undefined
    for (let entriesRead = count; ; entriesRead += count) {
      const from = lastRead ? { direction: cursor?.direction ?? 'after', ...lastRead } : cursor
      const { entries, isAllRead } = await readEntries(query, from, count)
      const matching = await readMatching(entries, query)
      for (const { record } of matching) room.take(record)
      found.push(...matching)
      lastRead = entries.at(-1)
      const page = planPage({
        found,
        lastRead,
        isAllRead,
        isEnoughRead: entriesRead >= maxEntriesRead,
        limit: room.isFull ? Math.min(limit, room.taken) : limit,
        cursor,
      })
      if (page) {
        const { items, next, previous } = page
        return { records: items.map(({ record }) => record), next, previous }
      }
    }
  }
}
