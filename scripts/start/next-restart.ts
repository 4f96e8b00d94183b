const firstDelayMs = 250
const longestDelayMs = 10_000
const healthyAfterMs = 60_000

/**
 * When to start a process again that ended by itself: the wait doubles from 0.25 s to 10 s, and starts over once the
 * process has run for a minute.
 */
export const nextRestart = ({
  failures,
  uptimeMs,
}: {
  /** in a row, before this one */
  failures: number
  /** of the run that just ended */
  uptimeMs: number
}): { failures: number; delayMs: number } => {
  const before = uptimeMs >= healthyAfterMs ? 0 : failures
  return { failures: before + 1, delayMs: Math.min(firstDelayMs * 2 ** before, longestDelayMs) }
}
