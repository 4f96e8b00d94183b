import { endedOutcome } from './outcome.ts'
import type { Outcome } from './outcome.ts'

/** A worker ends what it holds when the deadline passes. If it hasn't by now, it is lost. */
const workerGraceMs = 5000

/**
 * The outcome to give a prediction whose deadline has passed, or null while it is not to be ended by others than its
 * worker: `expired` where it never ran, `canceled` where it was running. Times are milliseconds since the epoch.
 */
export const missedDeadline = ({
  deadline,
  takenAt,
  now,
}: {
  deadline: number | null
  takenAt: number | null
  now: number
}): Outcome | null => {
  if (deadline === null || now < deadline) return null
  if (takenAt === null) return expiredOutcome(now)
  return now < deadline + workerGraceMs ? null : canceledByDeadline({ now, startedAt: takenAt, attempts: 1 })
}

export const expiredOutcome = (now: number) =>
  endedOutcome('expired', { code: 'expired', detail: 'the deadline passed before it ran', now })

export const canceledByDeadline = (run: { now: number; startedAt: number; attempts: number }) =>
  endedOutcome('canceled', { code: 'canceled', detail: 'the deadline passed while it ran', ...run })
