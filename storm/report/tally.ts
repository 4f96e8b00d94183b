import type { Found } from '../aftermath/read-all.ts'
import type { Evidence } from '../judge/evidence.ts'
import { matchFound } from '../judge/match-found.ts'
import type { Dealt } from '../stack/deal-blows.ts'
import { acceptedIds } from '../ledger/entry.ts'
import type { Entry } from '../ledger/entry.ts'

/** What the table shows: of each kind, of each blow, and of the end. */
export type Tally = {
  kinds: Record<string, KindTally>
  /** by what was done to whom */
  blows: Record<string, number>
  /** why submits were refused, or are unknown */
  reasons: Record<string, number>
  webhooks: { asked: number; arrived: number; posts: number }
  statuses: Record<string, number>
  /** by the last answer, what became of those that no client was told of as accepted */
  untold: Record<string, number>
}

export type KindTally = {
  wanted: number
  tries: number
  accepted: number
  refused: number
  unknown: number
  /** predictions whose client was never told that they were accepted */
  untold: number
}

export const tallyUp = (
  { entries, found, arrivals }: Pick<Evidence, 'entries' | 'found' | 'arrivals'>,
  dealt: readonly Dealt[],
): Tally => ({
  untold: tallyUntold(entries, found),
  kinds: Object.fromEntries(
    [...Map.groupBy(entries, ({ kind }) => kind)].map(([kind, group]) => [kind, tallyKind(group)]),
  ),
  blows: countEach(dealt, ({ kind, victim }) => `${kind} ${victim}`),
  reasons: countEach(
    entries.flatMap(({ tries }) => tries),
    ({ answer }) => {
      if (answer.kind === 'refused') return `refused: ${answer.status} ${answer.code}`
      return answer.kind === 'unknown' ? `unknown: ${answer.why}` : undefined
    },
  ),
  webhooks: {
    asked: entries.filter(({ webhook, tries }) => webhook && tries.length > 0).length,
    arrived: arrivals.length,
    posts: arrivals.reduce((sum, { posts }) => sum + posts, 0),
  },
  statuses: countEach(found, ({ seen }) => seen.find((one) => one !== null)?.status ?? 'not there'),
})

const tallyKind = (entries: readonly Entry[]): KindTally => {
  const answers = entries.flatMap(({ tries }) => tries.map(({ answer }) => answer.kind))
  const count = (kind: string) => answers.filter((one) => one === kind).length
  return {
    wanted: entries.length,
    tries: answers.length,
    accepted: entries.filter(isAccepted).length,
    refused: count('refused'),
    unknown: count('unknown'),
    untold: entries.filter((entry) => !isAccepted(entry)).length,
  }
}

const tallyUntold = (entries: readonly Entry[], found: readonly Found[]) => {
  const { of } = matchFound(entries, found)
  return countEach(
    entries.filter((entry) => !isAccepted(entry)),
    (entry) => {
      const match = of(entry).find(({ prediction }) => prediction !== null)
      return `${lastAnswerOf(entry)}: ${match?.prediction?.status ?? 'not there'}`
    },
  )
}

const lastAnswerOf = ({ tries }: Entry) => {
  const last = tries.at(-1)?.answer
  if (last?.kind === 'unknown') return last.why
  return last?.kind === 'refused' ? last.code : 'nothing'
}

const isAccepted = (entry: Entry) =>
  acceptedIds(entry).length > 0 || entry.tries.some(({ answer }) => answer.kind === 'accepted')

const countEach = <Item>(items: readonly Item[], nameOf: (item: Item) => string | undefined) => {
  const counts: Record<string, number> = {}
  for (const name of items.map(nameOf)) {
    if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}
