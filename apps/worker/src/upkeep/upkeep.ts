import type { DatedStore, Logger, OutcomeWriter, PredictionQueues } from '@onqueue/shared'

/** What the janitor's tasks work with. */
export type Upkeep = DatedStore & {
  outcomes: OutcomeWriter
  log: Logger
  queues: PredictionQueues
  /** true once the janitor is told to stop: long tasks end early */
  isClosed: () => boolean
}

/** How many predictions, or packs of them, a task looks at in one step: Redis is never busy with them for more than a millisecond or two. */
export const maxAtOnce = 200
