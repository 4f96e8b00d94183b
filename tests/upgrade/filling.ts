import type { Stack } from '../support/stack.ts'
import type { Clients, Origins, Owner } from './record-stack.ts'

/** What the steps of filling a Redis work with. */
export type Filling = {
  stack: Stack
  clients: Clients
  origins: Origins
  predictions: Map<string, Submitted>
  submit: Submit
}

/** A prediction as it was submitted, so that it can be submitted again. */
export type Submitted = {
  owner: Owner
  model: string
  id: string
  body: Record<string, unknown>
  headers: Record<string, string>
}

type Submission = {
  owner?: Owner
  model?: string
  input: unknown
  /** of the body, beside the input */
  fields?: Record<string, unknown>
  idempotencyKey?: string
  cancelAfter?: string
  prefer?: string
}
type Submit = (name: string, submission: Submission) => Promise<string>

export const createSubmit =
  (clients: Clients, predictions: Map<string, Submitted>): Submit =>
  async (name, submission) => {
    const request = toRequest(submission)
    const { owner, model, body, headers } = request
    const answer = await clients[owner].call('POST', `/v1/models/${model}/predictions`, body, headers)
    if (answer.status !== 202 && answer.status !== 201)
      throw new Error(`${name}: ${answer.status} ${answer.text}`)
    predictions.set(name, { ...request, id: answer.body.id })
    return answer.body.id
  }

export const toRequest = (submission: Submission) => {
  const { owner = 'anonymous', model = 'throws', input, fields } = submission
  const { idempotencyKey, cancelAfter, prefer } = submission
  return {
    owner,
    model,
    body: { input, ...fields },
    headers: {
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      ...(cancelAfter === undefined ? {} : { 'cancel-after': cancelAfter }),
      ...(prefer === undefined ? {} : { prefer }),
    },
  }
}
