import { deliveryKeys } from '@onqueue/shared'
import type { Delivery, DeliveryStatus, DeliveryStore, RedisStore } from '@onqueue/shared'
import type { ListCursor } from '../http/list-cursor.ts'
import { readListing } from '../predictions/read-listing.ts'
import { readDelivery } from './show-delivery.ts'

/**
 * Lists an owner's deliveries, newest first; `next` leads to older ones. A filter by status has to read the deliveries:
 * it looks at so many at the most, and the next page goes on from there.
 */
export type ListDeliveries = (query: {
  owner: string
  status: DeliveryStatus | undefined
  /** ms: only those that were made then or later */
  since: number | undefined
  limit: number
  cursor: ListCursor | undefined
}) => Promise<{ results: Delivery[]; next: ListCursor | null }>

const maxEntriesRead = 2000

export const createListDeliveries =
  ({
    redis,
    namespace,
    deliveries,
  }: RedisStore & {
    deliveries: DeliveryStore
  }): ListDeliveries =>
  async ({ owner, status, since, limit, cursor: first }) => {
    const key = deliveryKeys(namespace).index(owner)
    const results: Delivery[] = []
    let cursor = first
    for (let entriesRead = 0; entriesRead < maxEntriesRead;) {
      const count = status === undefined ? limit + 1 - results.length : 200
      const createdAfter = since === undefined ? undefined : since - 1
      const entries = await readListing(redis, key, { cursor, createdAfter, createdBefore: undefined, count })
      const shown = await Promise.all(entries.map(({ id }) => readDelivery(deliveries, id)))
      for (const [index, entry] of entries.entries()) {
        const delivery = shown[index]
        // one more than asked for tells that there are more
        if (results.length === limit) return { results, next: cursor ?? null }
        cursor = { direction: 'after', createdAt: entry.createdAt, id: entry.id }
        if (delivery && (status === undefined || delivery.status === status)) results.push(delivery)
      }
      if (entries.length < count) return { results, next: null }
      entriesRead += count
    }
    return { results, next: cursor ?? null }
  }
