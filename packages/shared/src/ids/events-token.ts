import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * The token in `urls.events`: it opens the events of one prediction to whoever has the link, since a browser's
 * `EventSource` can't send a header.
 */
export type EventsTokens = {
  sign(predictionId: string): string
  verify(predictionId: string, token: string): boolean
}

export const createEventsTokens = (secret: () => string): EventsTokens => {
  const sign = (predictionId: string) =>
    createHmac('sha256', secret()).update(`events ${predictionId}`).digest('base64url').slice(0, 22)
  return {
    sign,
    verify: (predictionId, token) => {
      const right = Buffer.from(sign(predictionId))
      const given = Buffer.from(token)
      return given.length === right.length && timingSafeEqual(given, right)
    },
  }
}
