import type { Question } from '../questions/question.ts'

/** How the server answered one try to submit a prediction. */
export type TryAnswer =
  /** `id` is null where the answer has none: a `predict` that went well */
  | { kind: 'accepted'; id: string | null }
  /** it said that it was not accepted, or could not be reached at all */
  | { kind: 'refused'; status: number; code: string }
  /** it may have been accepted; the id where one was told */
  | { kind: 'unknown'; why: string; id: string | null }
  /** nothing that a server should answer, whatever dies */
  | { kind: 'odd'; status: number; text: string }

type Try = { at: number; answer: TryAnswer }

/** A final prediction as somebody saw it. */
type Sighting = { via: string; id: string; prediction: FinalPrediction }

/** The parts that the judge looks at; the rest is compared as it is. */
export type FinalPrediction = {
  id: string
  status: string
  input?: unknown
  output?: unknown
  error: { code: string; detail: string; rows?: { row: number; code: string }[] } | null
  metadata: Record<string, string>
  created_at: string
  started_at: string | null
  completed_at: string | null
  webhook: unknown
  [more: string]: unknown
}

export type WebhookAsked = { events: readonly ('start' | 'completed')[]; payload: 'full' | 'thin' }

/** What is wanted beside the answer; `part` is the number of the prediction in its request. */
export type Wanted = { isKeyed?: boolean; webhook?: WebhookAsked | null; part?: number }

/** One prediction that a client wanted, and all that it knows of it. */
export type Entry = {
  /** counts the requests of the storm, in thousandths the predictions of one; in its metadata, where its kind has any */
  ordinal: number
  kind: string
  question: Question
  /** its Idempotency-Key */
  key: string | null
  webhook: WebhookAsked | null
  /** how it may end beside what its question says, for what its client did */
  mayEnd: Set<'canceled' | 'expired'>
  /** its client asked to delete it */
  isDeleted: boolean
  tries: Try[]
  /** outputs that were answered without a prediction around them */
  bareOutputs: unknown[]
  sightings: Sighting[]
}

/** The ids that were told to its client as accepted. */
export const acceptedIds = ({ tries }: Entry) =>
  tries.flatMap(({ answer }) => (answer.kind === 'accepted' && answer.id !== null ? [answer.id] : []))

/** All ids that were told to its client. */
export const toldIds = ({ tries }: Entry) =>
  tries.flatMap(({ answer }) => ('id' in answer && answer.id !== null ? [answer.id] : []))
