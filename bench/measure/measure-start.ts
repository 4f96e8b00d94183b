import { summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'
import { startOnQueue } from '../stack/start-onqueue.ts'
import type { Plan } from './plan.ts'

/** Seconds from `npm start` until a prediction would be answered, with all packages installed and an empty queue. */
export const measureStart = async ({ starts }: Plan): Promise<Rounds> => {
  const seconds: number[] = []
  for (let start = 0; start < starts; start++) {
    const onqueue = await startOnQueue()
    await onqueue.close()
    seconds.push(onqueue.readyAfterMs / 1000)
  }
  return summarizeRounds(seconds)
}
