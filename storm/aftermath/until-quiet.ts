import { setTimeout as sleep } from 'node:timers/promises'

/** The lock of a worker that was killed last, the lease of a delivery, and some retries. */
const patienceMs = 240_000
const lookMs = 500

/**
 * Waits until nothing is under way any more. What still is when the patience is over stays so, and is for the judge.
 * Resolves to how long it took.
 */
export const untilQuiet = async (readCounters: () => Promise<Record<string, number>>): Promise<number> => {
  const startedAt = performance.now()
  while (performance.now() - startedAt < patienceMs) {
    const counters = await readCounters()
    if (Object.values(counters).every((count) => count === 0)) break
    await sleep(lookMs)
  }
  return performance.now() - startedAt
}
