import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { acceptedIds } from '../ledger/entry.ts'
import type { Entry, FinalPrediction } from '../ledger/entry.ts'
import { parseJson } from '../ledger/read-reply.ts'
import type { Arrival } from '../receiver/receiver.ts'
import type { Violation } from './evidence.ts'
import { isCalledOff } from './judge-entry.ts'
import type { Match, Matching } from './match-found.ts'

const bodySchema = z.looseObject({ id: z.string(), truncated: z.array(z.string()).default([]) })
type Body = z.infer<typeof bodySchema>

const startSuffix = '-start'
/** What leaves out input and output, or goes on after the body was frozen. */
const apart = ['webhook', 'truncated', 'input', 'output']

/** Every webhook that is due arrived; and whatever arrived was asked for, signed, right, and the same at each attempt. */
export const judgeWebhooks = (
  entries: readonly Entry[],
  matching: Matching,
  arrivals: readonly Arrival[],
): Violation[] => {
  const byId = new Map(arrivals.map((arrival) => [arrival.webhookId, arrival]))
  return [
    ...arrivals.flatMap((arrival) => judgeArrival(arrival, matching)),
    ...entries.flatMap((entry) =>
      dueOf(entry, matching.of(entry)).flatMap((id) =>
        (byId.get(webhookIdOf(id))?.taken ?? 0) > 0
          ? []
          : [{ rule: 'webhook missing', id, what: `${byId.get(webhookIdOf(id))?.posts ?? 0} attempts came` }],
      ),
    ),
  ]
}

/** Ids of the predictions whose end is to be told. */
const dueOf = (entry: Entry, matches: readonly Match[]): string[] => {
  if (!entry.webhook?.events.includes('completed') || entry.isDeleted) return []
  const accepted = acceptedIds(entry)
  return matches.flatMap(({ id, prediction }) => {
    if (prediction === null || prediction.completed_at === null) return []
    return !accepted.includes(id) && isCalledOff(entry, prediction) ? [] : [id]
  })
}

const judgeArrival = ({ webhookId, texts, forgeries }: Arrival, { entryOf, of }: Matching): Violation[] => {
  const violation = (rule: string, what: string) => ({ rule, id: webhookId, what })
  const [text = ''] = texts
  const { data: body } = bodySchema.safeParse(parseJson(text))
  if (!body) return [violation('webhook wrong', `has the body ${text.slice(0, 300)}`)]
  const entry = entryOf(body.id)
  const fault = entry
    ? findFault({ webhookId, body, entry, match: of(entry).find(({ id }) => id === body.id) })
    : 'is of a prediction that nobody knows'
  return [
    ...(texts.size > 1 ? [violation('webhook changed', [...texts].join(' and then '))] : []),
    ...(forgeries.length > 0 ? [violation('webhook not signed', forgeries.join(', '))] : []),
    ...(fault === undefined ? [] : [violation('webhook wrong', `${fault}: ${text.slice(0, 600)}`)]),
  ]
}

const findFault = ({
  webhookId,
  body,
  entry,
  match,
}: {
  webhookId: string
  body: Body
  entry: Entry
  match: Match | undefined
}): string | undefined => {
  const isStart = webhookId.endsWith(startSuffix)
  if (webhookId !== webhookIdOf(body.id) + (isStart ? startSuffix : '')) return 'has the id of another'
  if (!entry.webhook?.events.includes(isStart ? 'start' : 'completed')) return 'was not asked for'
  const isThin = entry.webhook.payload === 'thin'
  if (isThin && ('input' in body || 'output' in body)) return 'is not thin'
  // it may have been deleted meanwhile
  if (isStart || !match?.prediction) return undefined
  return isSame(body, match.prediction, isThin) ? undefined : 'is not as the prediction is read'
}

const isSame = (body: Body, prediction: FinalPrediction, isThin: boolean) => {
  const whole = isThin ? [] : ['input', 'output'].filter((part) => !body.truncated.includes(part))
  return (
    isDeepStrictEqual(without(body, apart), without(prediction, apart)) &&
    whole.every((part) => isDeepStrictEqual(body[part], prediction[part]))
  )
}

const without = (value: Record<string, unknown>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))

const webhookIdOf = (predictionId: string) => `wh-${predictionId.slice(-26)}`
