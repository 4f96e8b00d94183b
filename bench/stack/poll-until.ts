import { setTimeout as sleep } from 'node:timers/promises'

/** Asks until the answer is yes; throws with `otherwise` when that takes too long. */
export const pollUntil = async (
  ask: () => Promise<boolean>,
  { everyMs, patienceMs, otherwise }: { everyMs: number; patienceMs: number; otherwise: string },
) => {
  const until = performance.now() + patienceMs
  while (!(await ask())) {
    if (performance.now() > until) throw new Error(`${otherwise} within ${patienceMs / 1000} s`)
    await sleep(everyMs)
  }
}
