import { modelKeys, statusOf } from '@onqueue/shared'
import type { PredictionRecord, PredictionStatus, RedisStore } from '@onqueue/shared'
import type { ListCursor } from '../http/list-cursor.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
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

  const readRecords = async (entries: ListingEntry[], query: ListQuery) => {
    const records = await Promise.all(entries.map(({ id }) => reader.find(id, query.owner)))
    const gone = entries.filter(
      (entry, index) => !records[index] && clock() - entry.createdAt > settledAfterMs,
    )
    await Promise.all(gone.map(({ key, id }) => redis.zrem(key, id)))
    return records
  }

  return async (query) => {
    const direction = query.cursor?.direction ?? 'after'
    const count = query.status === undefined ? query.limit + 1 : 100
    const found: { entry: ListingEntry; record: PredictionRecord }[] = []
    let onward: ListCursor | null = null
    let cursor = query.cursor
    for (let entriesRead = 0; ; entriesRead += count) {
      const entries = await readEntries(query, cursor, count)
      const records = await readRecords(entries, query)
      for (const [index, entry] of entries.entries()) {
        const record = records[index]
        if (record && (query.status === undefined || statusOf(record) === query.status))
          found.push({ entry, record })
      }
      const last = entries.at(-1)
      // one more than asked for tells that there are more
      if (found.length > query.limit) onward = cursorAt(direction, found[query.limit - 1]?.entry)
      else if (entriesRead + count >= maxEntriesRead && entries.length === count)
        onward = cursorAt(direction, last)
      if (onward || entries.length < count || !last) break
      cursor = { direction, ...last }
    }
    const page = found.slice(0, query.limit)
    const back = query.cursor ? cursorAt(direction === 'after' ? 'before' : 'after', page[0]?.entry) : null
    const records = page.map(({ record }) => record)
    return direction === 'after'
      ? { records, next: onward, previous: back }
      : { records: records.reverse(), next: back, previous: onward }
  }
}

const cursorAt = (direction: ListCursor['direction'], entry: ListingEntry | undefined): ListCursor | null =>
  entry ? { direction, createdAt: entry.createdAt, id: entry.id } : null
