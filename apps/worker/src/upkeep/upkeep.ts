import type { Redis } from 'ioredis'
import type { Logger, OutcomeWriter, PredictionQueue } from '@onqueue/shared'

/** What the janitor's tasks work with. */
export type Upkeep = {
  redis: Redis
  namespace: string
  outcomes: OutcomeWriter
  log: Logger
  queueOf: (model: string) => PredictionQueue
  /** true once the janitor is told to stop: long tasks end early */
  isClosed: () => boolean
}

/** How many predictions a task looks at in one step. */
export const atOnce = 200
