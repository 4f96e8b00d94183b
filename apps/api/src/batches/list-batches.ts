import { modelKeys } from '@onqueue/shared'
import type { BatchRecord, BatchStore, RedisStore } from '@onqueue/shared'
import type { ListCursor } from '../http/list-cursor.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
import { pageOf } from '../predictions/plan-page.ts'
import { isBefore, isBeyond, readListing } from '../predictions/read-listing.ts'
import type { ListPlace } from '../predictions/read-listing.ts'

/** Lists an owner's batches, newest first, over all models; `next` leads to older ones, `previous` to newer ones. */
export type ListBatches = (query: {
  owner: string
  model: string | undefined
  limit: number
  cursor: ListCursor | undefined
}) => Promise<{ batches: BatchRecord[]; next: ListCursor | null; previous: ListCursor | null }>

export const createListBatches =
  ({
    redis,
    namespace,
    store,
    catalog,
  }: RedisStore & { store: Pick<BatchStore, 'read'>; catalog: Pick<ModelCatalog, 'list'> }): ListBatches =>
  async ({ owner, model, limit, cursor }) => {
    const models = catalog.list().filter(({ name }) => model === undefined || name === model)
    const range = { cursor, createdAfter: undefined, createdBefore: undefined, count: limit + 1 }
    const listings = await Promise.all(
      models.map(({ name }) => readListing(redis, modelKeys(namespace, name).batchIndex(owner), range)),
    )
    const isNewerFirst = cursor?.direction !== 'before'
    const inOrder = (a: ListPlace, b: ListPlace) => (isBefore(a, b) === isNewerFirst ? 1 : -1)
    const found = listings
      .flat()
      .filter((entry) => !cursor || isBeyond(entry, cursor))
      .sort(inOrder)
    const { items, next, previous } = pageOf(found, { limit, cursor })
    const records = await Promise.all(items.map(({ id }) => store.read(id)))
    // one may have gone meanwhile
    return { batches: records.filter((record) => record !== null), next, previous }
  }
