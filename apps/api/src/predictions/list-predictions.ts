import { modelKeys, statusOf } from '@onqueue/shared'
import type { PredictionRecord, PredictionStatus, RedisStore } from '@onqueue/shared'
import type { ListCursor } from '../http/list-cursor.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
import { planPage } from './plan-page.ts'
import { isBefore, readListing } from './read-listing.ts'
import type { ListingEntry } from './read-listing.ts'
import type { PredictionReader } from './read-prediction.ts'

/**
 * Lists an owner's predictions, newest first, over all models. `next` leads to older ones, `previous` to newer ones; null
 * where there are none.
 *
 * The listings of the models are merged; entries whose prediction is gone are dropped from them here. A filter by status
 * has to read the predictions: it looks at so many at the most, and the next page goes on from there.
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
}

type PredictionPage = {
  records: PredictionRecord[]
  next: ListCursor | null
  previous: ListCursor | null
}

const maxEntriesRead = 1000
/** An entry without a job that is younger than this may be about to get one. */
const settledAfterMs = 60_000

type Options = RedisStore & {
  catalog: Pick<ModelCatalog, 'list' | 'get'>
  reader: PredictionReader
  clock?: () => number
}

export const createListPredictions = (options: Options): ListPredictions => {
  const { redis, namespace, catalog, reader, clock = Date.now } = options

  /** The next `count` entries of all asked models, on from the cursor and in its direction. */
  const readEntries = async (query: ListQuery, cursor: ListCursor | undefined, count: number) => {
    const models = catalog.list().filter(({ name }) => query.model === undefined || name === query.model)
    const listings = await Promise.all(
      models.map(({ name }) => {
        const key = modelKeys(namespace, name).index(query.owner)
        return readListing(redis, key, { ...query, cursor, count })
      }),
    )
    const isNewerFirst = cursor?.direction !== 'before'
    return listings
      .flat()
      .sort((a, b) => (isBefore(a, b) === isNewerFirst ? 1 : -1))
      .slice(0, count)
  }

  /** Those of the entries whose predictions belong in the list. */
  const readMatching = async (entries: ListingEntry[], { owner, status }: ListQuery) => {
    const records = await Promise.all(entries.map(({ id }) => reader.find(id, owner)))
    const gone = entries.filter(
      (entry, index) => !records[index] && clock() - entry.createdAt > settledAfterMs,
    )
    await Promise.all(gone.map(({ key, id }) => redis.zrem(key, id)))
    return entries.flatMap(({ id, createdAt }, index) => {
      const record = records[index]
      return record && (status === undefined || statusOf(record) === status)
        ? [{ id, createdAt, record }]
        : []
    })
  }

  return async (query) => {
    const { limit, cursor } = query
    const count = query.status === undefined ? limit + 1 : 100
    const found: Awaited<ReturnType<typeof readMatching>> = []
    let lastRead: ListingEntry | undefined
    for (let entriesRead = count; ; entriesRead += count) {
      const from = lastRead ? { direction: cursor?.direction ?? 'after', ...lastRead } : cursor
      const entries = await readEntries(query, from, count)
      found.push(...(await readMatching(entries, query)))
      lastRead = entries.at(-1)
      const page = planPage({
        found,
        lastRead,
        isAllRead: entries.length < count,
        isEnoughRead: entriesRead >= maxEntriesRead,
        limit,
        cursor,
      })
      if (page) {
        const { items, next, previous } = page
        return { records: items.map(({ record }) => record), next, previous }
      }
    }
  }
}
