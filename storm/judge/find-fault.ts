import { isDeepStrictEqual } from 'node:util'
import { isSameAnswer } from '../../bench/models/known-answer.ts'
import type { Entry, FinalPrediction } from '../ledger/entry.ts'
import type { Answer } from '../questions/question.ts'

/** Outputs are far apart, but for the last digits of probabilities. */
const tolerance = 1e-5

export const isRightOutput = (actual: unknown, expected: unknown) =>
  isSameAnswer(actual, expected, { toleranceOf: () => tolerance })

/**
 * What is wrong with how a prediction ended, or undefined. `mayEnd` is how it may have ended beside what its question
 * says.
 */
export const findFault = (
  prediction: FinalPrediction,
  { question, mayEnd }: Pick<Entry, 'question' | 'mayEnd'>,
): string | undefined => {
  const { status, output, error } = prediction
  if (!isDeepStrictEqual(prediction.input, question.input)) return 'has another input than was sent'
  if (status === 'canceled' || status === 'expired') {
    if (!mayEnd.has(status)) return `ended as ${status}, which nobody asked for`
    return output === null ? undefined : `is ${status} and has an output`
  }
  const { answer } = question
  if (status !== answer.status) {
    return `ended as ${status} and not as ${answer.status}: ${JSON.stringify(error)}`
  }
  if (!isRightOutput(output, answer.output)) {
    return describeDifference(output, answer.output)
  }
  return findErrorFault(error, answer)
}

const findErrorFault = (error: FinalPrediction['error'], answer: Answer) => {
  if (answer.status === 'succeeded') return error === null ? undefined : 'succeeded and has an error'
  if (error === null || ![answer.code, answer.orCode].includes(error.code))
    return `failed with ${error?.code} and not with ${answer.code}`
  const rows = (error.rows ?? []).map(({ row }) => row)
  return isDeepStrictEqual(rows, answer.badRows)
    ? undefined
    : `says that the rows ${rows.join()} failed, and these did: ${answer.badRows.join()}`
}

/** Of arrays the first rows that differ. */
const describeDifference = (actual: unknown, expected: unknown): string => {
  const row =
    Array.isArray(actual) && Array.isArray(expected)
      ? actual.findIndex((value, index) => !isRightOutput(value, expected[index]))
      : -1
  return Array.isArray(actual) && Array.isArray(expected) && row >= 0
    ? `${describeDifference(actual[row], expected[row])} in row ${row}`
    : `has the output ${shorten(actual)} and not ${shorten(expected)}`
}

const shorten = (value: unknown) => {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
