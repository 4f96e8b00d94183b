import type { Sample } from '../figures/speed.ts'
import type { Stack, SubmitReport } from '../stack/stack.ts'

/** Submits predictions; it is measured until the last of them is finished. */
export const measureSubmit = async (
  stack: Stack,
  { requests, ...how }: { requests: number; webhook?: string; atOnce?: number },
): Promise<Sample<SubmitReport>> => {
  const { result: report, usage } = await stack.watch(() => stack.submitAll({ requests, ...how }))
  return { report, perSecond: report.predictionsPerSecond, finished: requests, usage }
}
