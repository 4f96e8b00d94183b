import type { Entry, FinalPrediction } from '../ledger/entry.ts'

/** No storm takes longer; a clock that is wrong in one is wrong by more than a day. */
const longestMs = 3_600_000
/** Redis' clock is known by some ms. */
const vaguenessMs = 1000

/** What is wrong with the times of a final prediction, or undefined. */
export const findTimeFault = (
  { created_at: createdAt, started_at: startedAt, completed_at: completedAt }: FinalPrediction,
  { tries }: Pick<Entry, 'tries'>,
): string | undefined => {
  const times = [createdAt, startedAt, completedAt].flatMap((time) =>
    time === null ? [] : [Date.parse(time)],
  )
  const sentAt = Math.min(...tries.map(({ at }) => at))
  const told = `${createdAt}, ${startedAt} and ${completedAt}`
  if (times.some((time, index) => time < (times[index - 1] ?? -Infinity)))
    return `has times out of order: ${told}`
  const isNear = times.every((time) => time > sentAt - vaguenessMs && time < sentAt + longestMs)
  return isNear ? undefined : `was sent at ${new Date(sentAt).toISOString()} and has the times ${told}`
}
