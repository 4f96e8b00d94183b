import { addUsage } from '../processes/process-watch.ts'
import type { UsageByProcess } from '../processes/process-watch.ts'
import { sum, summarizeRounds } from './statistics.ts'
import type { Rounds } from './statistics.ts'

/** One round of a measurement. */
export type Sample<Report> = { report: Report; perSecond: number; finished: number; usage: UsageByProcess }

export type Speed = {
  /** finished jobs, predictions or deliveries */
  perSecond: Rounds
  /** those of all rounds, for which the processes used `usage` */
  finished: number
  usage: UsageByProcess
}

export const toSpeed = (samples: readonly Sample<unknown>[]): Speed => ({
  perSecond: summarizeRounds(samples.map(({ perSecond }) => perSecond)),
  finished: sum(samples.map(({ finished }) => finished)),
  usage: addUsage(samples.map(({ usage }) => usage)),
})
