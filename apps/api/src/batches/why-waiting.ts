import { workersWith } from '@onqueue/shared'
import type { BatchRecord, Heartbeat } from '@onqueue/shared'

/** Why nothing of a batch is done at present, a sentence; null where a live worker can go on with it. */
export const whyWaiting = (
  { about: { version, digest, storage } }: BatchRecord,
  heartbeats: readonly Heartbeat[],
): string | null => {
  const able = workersWith(heartbeats, digest)
  if (able.length === 0)
    return `no live worker has version ${version} as it was when this was submitted; it goes on when one has, and fails with version_gone when none has had it for too long`
  // one that does not say which it has may have the right one
  if (able.every((worker) => worker.storage !== undefined && worker.storage !== storage))
    return `its files are in another storage (${storage}) than that of the workers that have its version; it goes on when API and workers have one folder that they share, in ONQUEUE_STORAGE`
  return null
}

/**
 * Since when no live worker has had the version of each of these batches, in ms; those of which one has are left out. `before` is the
 * same of the last look: time in which a worker had it, or the batch waited for something else, does not count.
 */
export const missVersions = (
  before: ReadonlyMap<string, number>,
  records: readonly BatchRecord[],
  { heartbeats, now }: { heartbeats: readonly Heartbeat[]; now: number },
): Map<string, number> =>
  new Map(
    records
      .filter(({ about }) => workersWith(heartbeats, about.digest).length === 0)
      .map(({ id }) => [id, before.get(id) ?? now]),
  )
