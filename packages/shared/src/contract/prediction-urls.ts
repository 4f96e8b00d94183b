import type { Prediction } from './prediction.ts'

/** Where a prediction is found, as a path: for `Location`. */
export const predictionPath = (id: string) => `/v1/predictions/${id}`

/** The `urls` of a prediction. `publicUrl` has no slash at its end; `tokens` sign the link to its events. */
export const predictionUrls = (
  id: string,
  { publicUrl, tokens }: { publicUrl: string; tokens: { sign(predictionId: string): string } },
): Prediction['urls'] => {
  const get = `${publicUrl}${predictionPath(id)}`
  return {
    get,
    cancel: `${get}/cancel`,
    events: `${get}/events?token=${tokens.sign(id)}`,
    deliveries: `${get}/deliveries`,
  }
}
