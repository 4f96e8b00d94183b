import { z } from 'zod'
import type { Reply } from '../http/caller.ts'
import type { FinalPrediction, TryAnswer } from './entry.ts'

/** What a client learns from a reply. */
export type Learned = {
  answer: TryAnswer
  /** the prediction, where the reply shows one that is final */
  final: FinalPrediction | null
  /** the output alone, where that is what the reply is */
  bareOutput: unknown
}

const predictionSchema = z.looseObject({
  id: z.string(),
  status: z.string(),
  error: z
    .object({
      code: z.string(),
      detail: z.string(),
      rows: z.array(z.looseObject({ row: z.number(), code: z.string() })).optional(),
    })
    .nullable(),
  metadata: z.record(z.string(), z.string()),
  created_at: z.string(),
  started_at: z.string().nullable(),
  completed_at: z.string().nullable(),
  webhook: z.unknown(),
})
const problemSchema = z.looseObject({ code: z.string(), id: z.string().optional() })

/** What a server says of a prediction that it has, and that has not ended well. */
const endedBadly = new Set([409, 500, 504])
/** What it says when it is short of something. */
const refusals = new Set([429, 503])

/** What the reply to a submit of any kind says about it. */
export const readReply = (reply: Reply): Learned => {
  const learned = (answer: TryAnswer, more: Partial<Learned> = {}) => ({
    answer,
    final: null,
    bareOutput: undefined,
    ...more,
  })
  if (reply.kind === 'unanswered') {
    return learned(
      reply.wasSent
        ? { kind: 'unknown', why: reply.why, id: null }
        : { kind: 'refused', status: 0, code: reply.why },
    )
  }
  const { status, text } = reply
  const body = parseJson(text)
  if (status === 200 || status === 201 || status === 202) {
    const prediction = parsePrediction(body)
    if (prediction) {
      const final = prediction.completed_at === null ? null : prediction
      return learned({ kind: 'accepted', id: prediction.id }, { final })
    }
    if (status === 200 && body !== undefined)
      return learned({ kind: 'accepted', id: null }, { bareOutput: body })
    return learned({ kind: 'odd', status, text })
  }
  const { data: problem } = problemSchema.safeParse(body)
  if (problem?.code === 'outcome_unknown') {
    return learned({ kind: 'unknown', why: problem.code, id: problem.id ?? null })
  }
  if (problem?.id !== undefined && endedBadly.has(status)) {
    return learned({ kind: 'accepted', id: problem.id })
  }
  // its prediction is gone: right for one that was deleted, which the judge knows
  if (problem && (refusals.has(status) || problem.code === 'result_expired')) {
    return learned({ kind: 'refused', status, code: problem.code })
  }
  return learned({ kind: 'odd', status, text })
}

/** The prediction in a body, or undefined where it is none. */
export const parsePrediction = (body: unknown): FinalPrediction | undefined => {
  const { data } = predictionSchema.safeParse(body)
  return data && { ...data, error: toError(data.error) }
}

export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const toError = (error: z.infer<typeof predictionSchema>['error']): FinalPrediction['error'] => {
  if (error === null) return null
  const { rows, ...rest } = error
  return rows === undefined ? rest : { ...rest, rows }
}
