import type { Prediction } from '../contract/prediction.ts'

/** Longer bodies leave out what is long. */
const longestBodyBytes = 256 * 1024

/**
 * The body of a webhook: the prediction, in the bytes that every attempt sends.
 *
 * A `thin` one leaves out input and output. A `full` one of over 256 KiB leaves out the input, then the output too, and
 * says so in `truncated`. `isWhole` tells whether the receiver has all of it.
 */
export const webhookBody = (
  prediction: Prediction,
  payload: 'full' | 'thin',
): { text: string; isWhole: boolean } => {
  const { input: _, ...withoutInput } = prediction
  const { output: __, ...bare } = withoutInput
  if (payload === 'thin') return { text: JSON.stringify(bare), isWhole: false }
  const whole = JSON.stringify(prediction)
  if (fits(whole)) return { text: whole, isWhole: true }
  const shorter = JSON.stringify({ ...withoutInput, truncated: ['input'] })
  if (fits(shorter)) return { text: shorter, isWhole: false }
  // what is left is bounded by the limits of metadata, and by an error's rows
  const rowless = bare.error ? { ...bare, error: { code: bare.error.code, detail: bare.error.detail } } : bare
  const shortest = JSON.stringify({ ...bare, truncated: ['input', 'output'] })
  if (fits(shortest)) return { text: shortest, isWhole: false }
  return {
    text: JSON.stringify({ ...rowless, truncated: ['input', 'output', 'error.rows'] }),
    isWhole: false,
  }
}

const fits = (text: string) => Buffer.byteLength(text) <= longestBodyBytes
