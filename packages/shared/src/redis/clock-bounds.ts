/** One look at Redis' clock: `redisMs` is what it said between `sentAt` and `answeredAt` (ms) of a clock that only goes forward. */
export type ClockReading = { sentAt: number; answeredAt: number; redisMs: number }

/** How far Redis' clock is ahead of the steady one: no less and no more than this (ms), as known at `at`. */
export type ClockBounds = { leastMs: number; mostMs: number; at: number }

/** A clock that is slewed by NTP drifts by so much at the most (RFC 5905, "A.5.5.6"); one that does by more is taken for one that was set. */
const maxDrift = 0.0005

/**
 * What is known after another reading.
 *
 * Redis said its time between the question and the answer, so a reading is never wrong, but vague when it took long. What is
 * known and what was read are both right where they overlap; where they don't, one of the clocks was set, or this is another
 * Redis, and what was read counts alone.
 *
 *     known   ······├──────┤···········          known   ···├───┤··············
 *     read    ··········├──────────┤···          read    ···········├─────┤····
 *     then    ··········├──┤···········          then    ···········├─────┤····
 */
export const boundsAfter = (
  known: ClockBounds | undefined,
  { sentAt, answeredAt, redisMs }: ClockReading,
): ClockBounds => {
  const read = { leastMs: redisMs - answeredAt, mostMs: redisMs - sentAt, at: answeredAt }
  if (!known) return read
  const driftMs = (answeredAt - known.at) * maxDrift
  const leastMs = Math.max(read.leastMs, known.leastMs - driftMs)
  const mostMs = Math.min(read.mostMs, known.mostMs + driftMs)
  return leastMs <= mostMs ? { leastMs, mostMs, at: answeredAt } : read
}

/** What is known may be wrong by so much, when the middle of it is taken. */
export const vaguenessOf = ({ leastMs, mostMs }: ClockBounds) => (mostMs - leastMs) / 2
