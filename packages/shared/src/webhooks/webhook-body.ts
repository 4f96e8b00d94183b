import type { Prediction } from '../contract/prediction.ts'
import { StoredJson } from '../contract/stored-json.ts'

/** Longer bodies leave out what is long; so what is stored and longer need not be read. */
export const longestBodyBytes = 256 * 1024

/**
 * The body of a webhook: the prediction, in the bytes that every attempt sends.
 *
 * A `thin` one leaves out input and output. A `full` one of over 256 KiB leaves out the input, then the output too, and
 * says so in `truncated`. `isWhole` tells whether the receiver has all of it. What is stored must be too long for a body.
 */
export const webhookBody = (
  prediction: Prediction,
  payload: 'full' | 'thin',
): { text: string; isWhole: boolean } => {
  const { input: _, ...withoutInput } = prediction
  const { output: __, ...bare } = withoutInput
  if (payload === 'thin') return { text: JSON.stringify(bare), isWhole: false }
  const whole = textOf(prediction)
  if (whole !== null) return { text: whole, isWhole: true }
  const shorter = textOf({ ...withoutInput, truncated: ['input'] })
  if (shorter !== null) return { text: shorter, isWhole: false }
  // what is left is bounded by the limits of metadata, and by an error's rows
  const rowless = bare.error ? { ...bare, error: { code: bare.error.code, detail: bare.error.detail } } : bare
  const shortest = textOf({ ...bare, truncated: ['input', 'output'] })
  if (shortest !== null) return { text: shortest, isWhole: false }
  return {
    text: JSON.stringify({ ...rowless, truncated: ['input', 'output', 'error.rows'] }),
    isWhole: false,
  }
}

/** Null where it is too long. */
const textOf = (body: { input?: unknown; output?: unknown; truncated?: string[] }) => {
  if (body.input instanceof StoredJson || body.output instanceof StoredJson) return null
  const text = JSON.stringify(body)
  return Buffer.byteLength(text) <= longestBodyBytes ? text : null
}
