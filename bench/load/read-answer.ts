import { isSameAnswer } from '../models/known-answer.ts'
import type { HttpAnswer } from './http-connection.ts'

/** An answer that should not have come: whoever gets it was told something false. */
export class WrongAnswer extends Error {
  constructor(body: string) {
    super(`a wrong answer: ${body.slice(0, 300)}`)
  }
}

const unfinished = ['queued', 'processing']
const unsuccessful = ['failed', 'canceled', 'expired']

/**
 * Whether an answer has what is expected in it; false while it says that the prediction has not ended. Throws a
 * `WrongAnswer` when it has something else, and an `Error` when it is none.
 */
export const isRightAnswer = (expected: unknown) => {
  // one that was found right is right again when it comes in the same bytes
  let knownGood: string | undefined
  return ({ status, body }: HttpAnswer): boolean => {
    if (body === knownGood && status === 200) return true
    if (status !== 200) throw new Error(describe(status, body))
    const answer: unknown = JSON.parse(body)
    if (isSameAnswer(answer, expected, { mayHaveMore: true })) {
      knownGood = body
      return true
    }
    const prediction = readStatus(answer)
    if (unfinished.includes(prediction)) return false
    if (unsuccessful.includes(prediction)) throw new Error(describe(status, body))
    throw new WrongAnswer(body)
  }
}

/** The id in an answer that has accepted something. */
export const readId = ({ status, body }: HttpAnswer): string => {
  const id = /"id": ?"([^"]+)"/.exec(body)?.[1]
  if (status !== 202 || id === undefined) throw new Error(describe(status, body))
  return id
}

const readStatus = (answer: unknown) =>
  typeof answer === 'object' && answer !== null && 'status' in answer ? String(answer.status) : ''

const describe = (status: number, body: string) => `${status} ${body.slice(0, 300)}`
