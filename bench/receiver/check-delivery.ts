import { Webhook } from 'standardwebhooks'
import { z } from 'zod'
import { isSameAnswer } from '../models/known-answer.ts'
import type { KnownAnswer } from '../models/known-answer.ts'

/** Throws when the signature, the id or the output is not what it should be. */
export type CheckDelivery = (head: string, body: Buffer) => void

const payloadSchema = z.object({
  id: z.string(),
  status: z.literal('succeeded'),
  input: z.unknown(),
  output: z.unknown(),
})
const headerNames = ['webhook-id', 'webhook-timestamp', 'webhook-signature']

export const createCheckDelivery = ({
  secret,
  answers,
}: {
  /** `whsec_…` */
  secret: string
  answers: readonly KnownAnswer[]
}): CheckDelivery => {
  const webhook = new Webhook(secret)
  return (head, body) => {
    const headers = Object.fromEntries(headerNames.map((name) => [name, headerOf(head, name)]))
    const { id, input, output } = payloadSchema.parse(webhook.verify(body, headers))
    if (headers['webhook-id'] !== `wh-${id.slice(-26)}`) throw new Error('not the id of this prediction')
    const known = answers.find((one) => isSameAnswer(input, one.input))
    if (!known || !isSameAnswer(output, known.output)) throw new Error('a wrong output')
  }
}

/** Empty where it is missing. */
export const headerOf = (head: string, name: string) =>
  new RegExp(`\r\n${name}: *([^\r]*)`, 'i').exec(head)?.[1] ?? ''
