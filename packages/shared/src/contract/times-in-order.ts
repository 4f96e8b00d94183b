/**
 * The times of a prediction, none of them before the one that it follows. They are Redis', and that may be set, or be another
 * one after a fail-over; and processes of older releases went by clocks of their own. In ms, null for what has not happened.
 */
export const inOrder = ({
  createdAt,
  startedAt,
  completedAt,
}: {
  createdAt: number
  startedAt: number | null
  completedAt: number | null
}) => {
  const started = startedAt === null ? null : Math.max(startedAt, createdAt)
  const completed = completedAt === null ? null : Math.max(completedAt, started ?? createdAt)
  return { startedAt: started, completedAt: completed }
}
