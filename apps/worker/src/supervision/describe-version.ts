import type { VersionInterface } from '@onqueue/shared'
import type { Loaded, Verdict } from '../executor/protocol.ts'
import type { ModelSettings } from '../tasks/model-settings.ts'

/** What a loaded version offers, and what the worker needs to plan with. */
export type VersionDescription = Pick<Loaded, 'timing' | 'memoryBytes' | 'peakBytes' | 'isUndecided'> & {
  interface: VersionInterface
}

/** Completes what the executor found by what is in `model.yaml`, which it need not send back. */
export const describeVersion = (
  { task, description, batching, batch }: ModelSettings,
  { found, timing, memoryBytes, peakBytes, isUndecided }: Loaded,
): VersionDescription => {
  const offered = {
    ...found,
    task,
    description,
    ...(batch.executor === 'off' ? { takesBatches: false } : {}),
  }
  return {
    interface: { ...offered, batching: { ...found.batching, maxWaitMs: batching.max_wait_ms } },
    timing,
    memoryBytes,
    peakBytes,
    isUndecided,
  }
}

/** What it offers once it is known, by rows that ran, whether rows may share a run. */
export const withVerdict = (
  description: VersionDescription,
  { maxRows, reason, isUndecided }: Verdict,
): VersionDescription => {
  const { interface: offered } = description
  const batching = { ...offered.batching, enabled: reason === null, maxRows, reason }
  return { ...description, isUndecided, interface: { ...offered, batching } }
}
