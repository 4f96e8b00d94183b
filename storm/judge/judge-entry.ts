import { isDeepStrictEqual } from 'node:util'
import { acceptedIds } from '../ledger/entry.ts'
import type { Entry, FinalPrediction } from '../ledger/entry.ts'
import type { Violation } from './evidence.ts'
import { findFault, isRightOutput } from './find-fault.ts'
import { findTimeFault } from './find-time-fault.ts'
import type { Match } from './match-found.ts'

/**
 * What is wrong with what came of one entry. A prediction that was accepted is there and final, has the right outcome, and
 * is shown the same by everybody; one that was refused is not there; and of one key there is one.
 */
export const judgeEntry = (entry: Entry, matches: readonly Match[]): Violation[] => {
  const accepted = new Set(acceptedIds(entry))
  return [
    ...judgeAnswers(entry, matches),
    ...matches.flatMap((match) =>
      accepted.has(match.id) ? judgeAccepted(entry, match) : judgeUncertain(entry, match),
    ),
    ...judgeCount(entry, matches),
  ]
}

/** What the client was answered. */
const judgeAnswers = (entry: Entry, matches: readonly Match[]): Violation[] => {
  const { tries, bareOutputs, question, isDeleted } = entry
  const name = nameOf(entry)
  const expected = 'shownAs' in question ? question.shownAs : question.answer.output
  const isBare = tries.some(({ answer }) => answer.kind === 'accepted' && answer.id === null)
  return [
    ...tries.flatMap(({ answer }) =>
      answer.kind === 'odd'
        ? [{ rule: 'odd answer', id: name, what: `${answer.status} ${answer.text.slice(0, 300)}` }]
        : [],
    ),
    ...bareOutputs
      .filter((output) => !isRightOutput(output, expected))
      .map((output) => ({
        rule: 'wrong answer',
        id: name,
        what: `${JSON.stringify(output)} to ${JSON.stringify(question.input)}`,
      })),
    ...(isBare && matches.length === 0
      ? [{ rule: 'lost', id: name, what: 'was answered, and is not there' }]
      : []),
    ...(!isDeleted &&
    tries.some(({ answer }) => answer.kind === 'refused' && answer.code === 'result_expired')
      ? [{ rule: 'lost', id: name, what: 'its key says that its prediction is gone' }]
      : []),
  ]
}

const judgeAccepted = (entry: Entry, { id, seen, prediction }: Match): Violation[] => {
  if (entry.isDeleted) return []
  if (prediction === null || seen.includes(null)) {
    return [{ rule: 'lost', id, what: `was accepted, and is not there (${entry.kind})` }]
  }
  return judgeFinal(entry, { id, seen, prediction })
}

/** Nobody was told for sure that this one was accepted. Where it runs all the same, it runs as it should. */
const judgeUncertain = (entry: Entry, { id, seen, prediction }: Match): Violation[] => {
  if (prediction === null || entry.isDeleted || isCalledOff(entry, prediction)) return []
  return judgeFinal(entry, { id, seen, prediction })
}

const judgeFinal = (
  entry: Entry,
  { id, seen, prediction }: Match & { prediction: FinalPrediction },
): Violation[] => {
  if (prediction.completed_at === null) {
    return [{ rule: 'unfinished', id, what: `is ${prediction.status} for ever (${entry.kind})` }]
  }
  const fault = findFault(prediction, entry)
  const timeFault = findTimeFault(prediction, entry)
  const views = [
    ...seen.map((one) => ({ via: 'read', prediction: one })),
    ...entry.sightings.filter((sighting) => sighting.id === id),
  ]
  const first = toComparable(prediction)
  const changed = views.find((view) => !isDeepStrictEqual(toComparable(view.prediction), first))
  return [
    ...(fault === undefined ? [] : [{ rule: 'wrong outcome', id, what: `${fault} (${entry.kind})` }]),
    ...(timeFault === undefined ? [] : [{ rule: 'wrong time', id, what: `${timeFault} (${entry.kind})` }]),
    ...(changed
      ? [{ rule: 'changed', id, what: `${JSON.stringify(changed)} and then ${JSON.stringify(prediction)}` }]
      : []),
  ]
}

/** How many there may be: one for a key, and else one for each try that was not refused. */
const judgeCount = (entry: Entry, matches: readonly Match[]): Violation[] => {
  const { key, tries } = entry
  const ids = new Set([
    ...acceptedIds(entry),
    ...matches.flatMap(({ id, prediction }) =>
      prediction === null || isCalledOff(entry, prediction) ? [] : [id],
    ),
  ])
  const open = tries.filter(({ answer }) => answer.kind === 'accepted' || answer.kind === 'unknown').length
  const most = key === null ? open : Math.min(1, open)
  if (ids.size <= most) return []
  const rule = open === 0 ? 'ran though refused' : 'doubled'
  return [{ rule, id: [...ids].join(', '), what: `${nameOf(entry)}: at most ${most} were accepted` }]
}

/** Canceled before it ran, since its caller had been told that it was not, or perhaps not, accepted. */
export const isCalledOff = ({ key }: Entry, { status, started_at: startedAt, output }: FinalPrediction) =>
  key === null && status === 'canceled' && startedAt === null && output === null

/** Without what goes on after the end. */
const toComparable = (prediction: FinalPrediction | null) => {
  if (prediction === null) return null
  const { webhook: _, ...rest } = prediction
  return rest
}

const nameOf = ({ ordinal, kind }: Entry) => `${kind} ${ordinal}`
