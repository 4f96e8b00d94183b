import { addUsage } from '../processes/process-watch.ts'
import type { UsageByProcess } from '../processes/process-watch.ts'
import { sum, summarizeRounds } from './statistics.ts'
import type { Rounds } from './statistics.ts'
import type { Yardstick } from './yardstick.ts'

/** One round of a measurement. */
export type Sample<Report> = { report: Report; perSecond: number; finished: number; usage: UsageByProcess }

/** One that has a yardstick; `mean` is the yardstick's, before and after it. */
export type ComparedSample<Report> = Sample<Report> & { mean: number }

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

export const compareSample = async <Report>(
  yardstick: Yardstick,
  measure: () => Promise<Sample<Report>>,
): Promise<ComparedSample<Report>> => {
  const { result, mean } = await yardstick.beside(measure)
  return { ...result, mean }
}

/** Of all processes together, for each of what was finished. */
export const cpuSecondsEach = ({ usage, finished }: Pick<Speed, 'usage' | 'finished'>) =>
  sum(Object.values(usage).map(({ cpuSeconds }) => cpuSeconds)) / finished

/** What share of its yardstick's speed each round had. */
export const toShares = (samples: readonly ComparedSample<unknown>[]): Rounds =>
  summarizeRounds(samples.map(({ perSecond, mean }) => perSecond / mean))
