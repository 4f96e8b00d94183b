/** The time in which deaths of executors count against their model version. */
export const healthWindowMs = 60_000
/** So many different rows that crashed an executor within the window make the version unhealthy. */
const unhealthyConvictions = 5

export const isUnhealthy = (convictions: number) => convictions >= unhealthyConvictions

/**
 * How long to wait before an executor is started again: not at all after a single death, so that the rows that were in
 * flight go on; then 0.25 s, doubled with every further death in the last minute, up to 30 s. At least 10 s while the
 * version is unhealthy.
 */
export const restartDelayMs = ({ deaths, convictions }: { deaths: number; convictions: number }) => {
  const backoffMs = deaths <= 3 ? 0 : Math.min(250 * 2 ** (deaths - 4), 30_000)
  return isUnhealthy(convictions) ? Math.max(10_000, backoffMs) : backoffMs
}
