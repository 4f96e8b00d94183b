import type { ModelEntry, ServedVersion } from '@onqueue/shared'

/** More rows than that do not run faster together, and fewer can be stopped sooner. */
const mostMicroBatchRows = 1024
/** How long a micro-batch is to run, about. */
const microBatchMs = 50

/** How many rows of a version run together in a batch, by what a row of the version takes, as its workers tell. */
export const microBatchRowsOf = (entry: ModelEntry | undefined, { card: { digest } }: ServedVersion) => {
  const rowMs = entry?.heartbeats
    .flatMap(({ versions }) => versions)
    .find((version) => version.digest === digest && version.rowMs !== undefined)?.rowMs
  return rowMs
    ? Math.max(1, Math.min(mostMicroBatchRows, Math.floor(microBatchMs / rowMs)))
    : mostMicroBatchRows
}
