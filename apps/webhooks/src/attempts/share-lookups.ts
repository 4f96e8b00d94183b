import type { Lookup } from './http-attempt.ts'

/**
 * Look-ups of names, one at a time for each, whose answer is good for some seconds.
 *
 * A look-up holds a thread until the DNS answers, which can take half a minute for a name whose server is dead, and
 * giving up on it does not give the thread back: with one for each attempt, a single such name would soon hold all of
 * them. What an answer says is checked by each attempt.
 */
export const shareLookups = (
  lookup: Lookup,
  { goodForMs = 5000, clock = () => performance.now() }: { goodForMs?: number; clock?: () => number } = {},
): Lookup => {
  const shared = new Map<string, { answer: ReturnType<Lookup>; until: number }>()

  const forgetOld = () => {
    const now = clock()
    for (const [hostname, { until }] of shared) if (until <= now) shared.delete(hostname)
  }

  return (hostname) => {
    const known = shared.get(hostname)
    if (known && known.until > clock()) return known.answer
    forgetOld()
    const fresh = { answer: lookup(hostname), until: Infinity }
    shared.set(hostname, fresh)
    fresh.answer.then(
      () => (fresh.until = clock() + goodForMs),
      () => shared.delete(hostname),
    )
    return fresh.answer
  }
}
