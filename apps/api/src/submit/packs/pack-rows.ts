import type { ModelEntry } from '@onqueue/shared'

/** What a pack may take to compute: a prediction of higher priority waits no longer for one that was begun. */
const maxComputeMs = 10
const maxRows = 64

/**
 * How many rows a pack for a version of a model may have, by what a row takes where it is slowest. One, which is no pack, where no
 * worker says so: those of a heavy model are handed out, ordered and canceled one by one.
 */
export const packRowsOf = (entry: ModelEntry | undefined, digest: string) => {
  const versions = entry?.heartbeats.flatMap((heartbeat) => heartbeat.versions) ?? []
  const times = versions.flatMap(({ rowMs, ...version }) =>
    version.digest === digest && rowMs !== undefined ? [rowMs] : [],
  )
  if (times.length === 0) return 1
  return Math.max(1, Math.min(maxRows, Math.floor(maxComputeMs / Math.max(...times))))
}
