import type { ModelEntry } from '@onqueue/shared'

type Workers = Pick<ModelEntry, 'heartbeats'>

/** Rows a second that the live workers of a model can finish together; 0 while that is not known, or there are none. */
export const drainRate = ({ heartbeats }: Workers) =>
  heartbeats.reduce((sum, { rowsPerSecond }) => sum + rowsPerSecond, 0)

/**
 * Seconds until a prediction is done that has so many rows up to and with its own to wait for: as long as these take, and
 * no shorter than a prediction takes that has nothing before it. Null while nothing drains.
 */
export const secondsUntilDone = (rows: number, workers: Workers): number | null => {
  const rowsPerSecond = drainRate(workers)
  if (rowsPerSecond === 0) return null
  return Math.max(serviceSeconds(workers), rows / rowsPerSecond)
}

const serviceSeconds = ({ heartbeats }: Workers) =>
  Math.min(...heartbeats.map(({ serviceMs = 0 }) => serviceMs)) / 1000
