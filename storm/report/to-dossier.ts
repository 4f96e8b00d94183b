import type { Evidence, Violation } from '../judge/evidence.ts'
import type { BatchEvidence } from '../judge/judge-batch.ts'
import { toldIds } from '../ledger/entry.ts'
import type { Dealt } from '../stack/deal-blows.ts'
import type { Tally } from './tally.ts'

/** The file that a storm leaves: its figures, and for each violation all that is known of the prediction. */
export const toDossier = ({
  violations,
  batch,
  evidence: { entries, found, arrivals, census },
  ...rest
}: {
  seed: number
  predictions: number
  tally: Tally
  violations: readonly Violation[]
  evidence: Evidence
  dealt: readonly Dealt[]
  batch?: BatchEvidence
}) => {
  // by the part that predictions, deliveries and their keys in Redis share
  const concerned = violations.map(({ id }) => id).join('\n')
  const isConcerned = (id: string) => concerned.includes(id.slice(-26))
  const names = new Set(violations.map(({ id }) => id))
  const ofEntries = entries.filter(
    (entry) => toldIds(entry).some(isConcerned) || names.has(`${entry.kind} ${entry.ordinal}`),
  )
  return JSON.stringify(
    {
      ...rest,
      violations,
      ...(batch === undefined ? {} : { batch: showBatch(batch) }),
      census: { counters: census.counters, families: census.families },
      entries: ofEntries.map((entry) => ({ ...entry, mayEnd: [...entry.mayEnd] })),
      found: found.filter(({ id }) => isConcerned(id)),
      arrivals: arrivals
        .filter(({ webhookId }) => concerned.includes(webhookId.slice(0, 29)))
        .map((arrival) => ({ ...arrival, texts: [...arrival.texts] })),
    },
    null,
    1,
  )
}

const showBatch = ({ sightings, arrivals, ...rest }: BatchEvidence) => ({
  ...rest,
  sightings: sightings.length,
  arrivals: arrivals.map(({ texts, ...arrival }) => ({ ...arrival, texts: [...texts] })),
})
