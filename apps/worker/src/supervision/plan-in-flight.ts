/** How long the rows that a worker holds may take to compute: long enough to keep executors busy, short enough to share. */
const maxComputeMs = 200
/** The most rows that a worker holds for one model, however fast it is; but always two micro-batches an executor. */
const maxModelRows = 512

/** What a model version was measured to take. `batchMs` is the time of a micro-batch of `batchRows`. */
export type Timing = { oneRowMs: number; batchRows: number; batchMs: number }

/**
 * How many rows may run together, and how many a worker may hold.
 *
 * Two micro-batches for each executor are in flight: one runs while the other is prepared. Each therefore gets half of
 * the 200 ms, and is as large as that allows. A worker that held more would starve a second one that is idle: with a
 * fixed 128, the first worker took 120 of 120 predictions.
 */
export const planInFlight = ({
  timing,
  maxRows,
  instances,
}: {
  timing: Timing
  maxRows: number
  instances: number
}) => {
  const rowMs = Math.max(timing.batchMs / Math.max(1, timing.batchRows), 0.001)
  const microBatchRows = Math.max(1, Math.min(maxRows, Math.floor(maxComputeMs / 2 / rowMs)))
  const forTime = Math.floor((maxComputeMs / rowMs) * instances)
  const maxInFlightRows = Math.max(2 * instances * microBatchRows, Math.min(forTime, maxModelRows))
  return { microBatchRows, maxInFlightRows }
}

/** Executors of a version where `instances: auto`: one feeds a model whose rows cost next to nothing. */
export const planInstances = ({ timing, cores }: { timing: Timing; cores: number }) => {
  const rowMs = timing.batchMs / Math.max(1, timing.batchRows)
  return rowMs < 1 ? 1 : Math.max(1, cores)
}
