import { isDeepStrictEqual } from 'node:util'
import type { Batch } from '@onqueue/shared'
import type { BatchPlan } from '../aftermath/read-plan.ts'
import type { ScoredFile } from '../aftermath/read-scored.ts'
import type { Entry } from '../ledger/entry.ts'
import { parseJson } from '../ledger/read-reply.ts'
import type { Arrival } from '../receiver/receiver.ts'
import type { Watch } from '../stack/watch-for.ts'
import type { Violation } from './evidence.ts'

/** What came of a batch, as one API shows it. */
type Scored = { output: ScoredFile; errors: ScoredFile }

/** All that is known of a batch when a storm is over. */
export type BatchEvidence = {
  id: string
  rows: number
  badRows: number
  /** of the same file, scored before the storm; `faults`: where that is not what the model says */
  undisturbed: Scored & { faults: readonly string[] }
  /** what its client saw of it, one after the other */
  sightings: readonly Batch[]
  /** as each API shows it in the end */
  last: readonly Batch[]
  scored: readonly Scored[]
  /** of outputs that are not the undisturbed one: in which lines */
  differences: readonly string[]
  /** of the undisturbed one and of this one */
  plans: readonly BatchPlan[]
  /** of the webhooks those that are about a batch */
  arrivals: readonly Arrival[]
  /** who asked the same model beside it */
  callers: readonly Entry[]
  /** Redis, looked through for a word that is in each row */
  watch: Watch
  /** what is to be nothing, by name */
  counters: Record<string, number>
}

/** Everything that may not be of a batch after a storm. Empty is what it should be. */
export const judgeBatch = (evidence: BatchEvidence): Violation[] => {
  const { id, undisturbed, watch, counters, callers, differences, plans } = evidence
  const violation = (rule: string, what: string) => ({ rule, id, what })
  return [
    ...undisturbed.faults.map((fault) => violation('row wrong', fault)),
    ...judgeEnd(evidence).map((what) => violation('batch wrong', what)),
    ...judgeSightings(evidence).map((what) => violation('batch went back', what)),
    ...differences.map((what) =>
      violation('output differs', `${what} (planned as ${JSON.stringify(plans)})`),
    ),
    ...judgeFiles(evidence).map((what) => violation('output differs', what)),
    ...judgeTold(evidence),
    ...callers
      .filter(({ sightings }) => sightings.length === 0)
      .map(({ kind, ordinal }) => ({
        rule: 'not answered',
        id: `${kind} ${ordinal}`,
        what: 'never saw its prediction end',
      })),
    ...watch.keys.map((key) => violation('row in Redis', `is in ${key}`)),
    ...(watch.looks === 0 ? [violation('row in Redis', 'was never looked for')] : []),
    ...Object.entries(counters).flatMap(([name, count]) =>
      count === 0 ? [] : [{ rule: 'counter wrong', id: name, what: `is ${count} when nothing is under way` }],
    ),
  ]
}

const judgeEnd = ({ last, rows, badRows }: BatchEvidence): string[] => {
  const [first] = last
  if (!first) return ['is not there']
  const counts = { total: rows, completed: rows - badRows, failed: badRows, pending: 0 }
  const faults = [
    first.status === 'completed' ? [] : [`is ${first.status}: ${JSON.stringify(first.error)}`],
    isDeepStrictEqual(first.counts, counts)
      ? []
      : [`counts ${JSON.stringify(first.counts)} and not ${JSON.stringify(counts)}`],
    first.output_file.is_complete ? [] : ['says that its output is not complete'],
    last.every((one) => isDeepStrictEqual(one, first)) ? [] : ['is not the same at both APIs'],
  ]
  return faults.flat()
}

/** What is done stays done, and what has ended stays as it is. */
const judgeSightings = ({ sightings, last }: BatchEvidence): string[] =>
  [...sightings, ...last.slice(0, 1)].flatMap((batch, index, all) => {
    const before = all[index - 1]
    if (!before) return []
    const isBack =
      batch.counts.completed < before.counts.completed ||
      batch.counts.failed < before.counts.failed ||
      (before.completed_at !== null && !isDeepStrictEqual(batch, before))
    return isBack ? [`${JSON.stringify(before)} and then ${JSON.stringify(batch)}`] : []
  })

const judgeFiles = ({ scored, last, undisturbed }: BatchEvidence): string[] =>
  scored.flatMap((one, api) =>
    (['output', 'errors'] as const).flatMap((what) => {
      const told = last[api]?.[`${what}_file`].bytes
      return [
        ...(one[what].sha256 === undisturbed[what].sha256
          ? []
          : [
              `its ${what} has ${one[what].bytes} bytes of ${one[what].sha256}, and undisturbed ${undisturbed[what].bytes} of ${undisturbed[what].sha256}`,
            ]),
        ...(one[what].bytes === told
          ? []
          : [`its ${what} has ${one[what].bytes} bytes and tells of ${told}`]),
      ]
    }),
  )

/** Its end is told at least once, signed, with the same bytes each time: those of the batch as it is read. */
const judgeTold = ({ id, arrivals, last }: BatchEvidence): Violation[] => {
  const ours = arrivals.filter((arrival) => toldOf(arrival) === id)
  const violation = (rule: string, what: string) => ({ rule, id, what })
  const [end] = last
  return [
    ...(ours.some(({ taken }) => taken > 0)
      ? []
      : [violation('webhook missing', `${ours.length} of its end came`)]),
    ...(ours.length > 1
      ? [violation('doubled', `was told as ${ours.map(({ webhookId }) => webhookId).join(', ')}`)]
      : []),
    ...ours.flatMap(({ texts, forgeries }) => [
      ...(texts.size > 1 ? [violation('webhook changed', [...texts].join(' and then '))] : []),
      ...(forgeries.length > 0 ? [violation('webhook not signed', forgeries.join(', '))] : []),
      ...[...texts]
        .filter((text) => !isDeepStrictEqual(parseJson(text), end))
        .map((text) => violation('webhook wrong', `is not as the batch is read: ${text}`)),
    ]),
  ]
}

/** The id of the batch that a webhook is about; undefined where it is about something else. */
export const toldOf = ({ texts }: Arrival): string | undefined => {
  const [text = ''] = texts
  const body = parseJson(text)
  const isOfBatch =
    typeof body === 'object' && body !== null && 'object' in body && body.object === 'batch' && 'id' in body
  return isOfBatch ? String(body.id) : undefined
}
