import type { Prediction } from './prediction.ts'

/** Where a prediction is found, as a path: for `Location`. */
export const predictionPath = (id: string) => `/v1/predictions/${id}`

/** What the link to the events of a prediction is made of. */
type SignedUrls = { id: string; createdAt: number; keyId: string | null | undefined }

/** The `urls` of a prediction. `publicUrl` has no slash at its end; `tokens` sign the link to its events. */
export const predictionUrls = (
  { id, createdAt, keyId }: SignedUrls,
  { publicUrl, tokens }: { publicUrl: string; tokens: { sign(prediction: SignedUrls): string } },
): Prediction['urls'] => {
  const get = `${publicUrl}${predictionPath(id)}`
  return {
    get,
    cancel: `${get}/cancel`,
    events: `${get}/events?token=${tokens.sign({ id, createdAt, keyId })}`,
    deliveries: `${get}/deliveries`,
  }
}
