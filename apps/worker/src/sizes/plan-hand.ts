/** How long the rows that a worker holds may take to compute: long enough to keep executors busy, short enough to share. */
const maxComputeMs = 200
/** The most rows that a worker holds for one model, however fast it is; but always two micro-batches an executor. */
const maxModelRows = 512

/**
 * How many rows a worker may hold for a version.
 *
 * Two micro-batches for each executor are in flight: one runs while the other is prepared. A worker that held more than
 * 200 ms would starve a second one that is idle: with a fixed 128 rows, the first worker took 120 of 120 predictions.
 */
export const planHand = ({
  rowMs,
  rowLimit,
  instances,
}: {
  /** what a row computes in a full micro-batch */
  rowMs: number
  /** rows of a full micro-batch */
  rowLimit: number
  instances: number
}) => {
  const forTime = Math.floor((maxComputeMs / Math.max(rowMs, 0.001)) * instances)
  return Math.max(2 * instances * rowLimit, Math.min(forTime, maxModelRows))
}
