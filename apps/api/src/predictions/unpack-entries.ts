import { isPackId, memberIdsOf, modelKeys, modelOfPredictionId, runPipeline } from '@onqueue/shared'
import type { RedisStore } from '@onqueue/shared'
import type { ListingEntry } from './read-listing.ts'

/** A prediction in a listing; `isInPack` where it has no entry of its own. */
export type PredictionEntry = ListingEntry & { isInPack: boolean }

/** The predictions that entries of listings stand for: those of a pack have one for all, which is as old as they are. */
export const unpackEntries = async (
  { redis, namespace }: RedisStore,
  entries: readonly ListingEntry[],
): Promise<PredictionEntry[]> => {
  const mayBePacks = entries.filter(({ id }) => isPackId(id))
  const pipeline = redis.pipeline()
  for (const { id } of mayBePacks) {
    pipeline.hget(modelKeys(namespace, modelOfPredictionId(id) ?? '').pack(id), 'n')
  }
  const counts = mayBePacks.length === 0 ? [] : await runPipeline(pipeline)
  const members = new Map(mayBePacks.map(({ id }, index) => [id, Number(counts[index] ?? 0)]))
  return entries.flatMap((entry): PredictionEntry[] => {
    const count = members.get(entry.id) ?? 0
    if (count === 0) return [{ ...entry, isInPack: false }]
    return memberIdsOf(entry.id, count).map((id) => ({ ...entry, id, isInPack: true }))
  })
}
