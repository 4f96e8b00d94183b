import type { Evidence, Violation } from './evidence.ts'
import { judgeEntry } from './judge-entry.ts'
import { judgeRemains } from './judge-remains.ts'
import { judgeWebhooks } from './judge-webhooks.ts'
import { matchFound } from './match-found.ts'
import { nameMixedUp } from './name-mixed-up.ts'

/** Everything that may not be, after a storm. Empty is what it should be. */
export const judge = (evidence: Evidence): Violation[] => {
  const { entries, found, arrivals } = evidence
  const matching = matchFound(entries, found)
  return [
    ...entries.flatMap((entry) => judgeEntry(entry, matching.of(entry))),
    ...nameMixedUp(entries, matching),
    ...matching.strays.map(({ id }) => ({
      rule: 'stray',
      id,
      what: 'is a prediction that nobody asked for',
    })),
    ...judgeWebhooks(entries, matching, arrivals),
    ...judgeRemains(evidence),
  ]
}
