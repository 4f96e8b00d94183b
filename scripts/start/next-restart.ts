const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 10_000
const HEALTHY_AFTER_MS = 60_000

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
  const before = uptimeMs >= HEALTHY_AFTER_MS ? 0 : failures
  return { failures: before + 1, delayMs: Math.min(FIRST_DELAY_MS * 2 ** before, LONGEST_DELAY_MS) }
}
