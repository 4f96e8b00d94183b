import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * The token in `urls.events`: it opens the events of one prediction to whoever has the link, since a browser's
 * `EventSource` can't send a header.
 */
export type EventsTokens = {
  sign(predictionId: string): string
  verify(predictionId: string, token: string): boolean
}

/** `secrets` are those that are good; the first one signs. */
export const createEventsTokens = (secrets: () => readonly [string, ...string[]]): EventsTokens => {
  const signUnder = (secret: string, predictionId: string) =>
    createHmac('sha256', secret).update(`events ${predictionId}`).digest('base64url').slice(0, 22)
  return {
    sign: (predictionId) => signUnder(secrets()[0], predictionId),
    verify: (predictionId, token) =>
      secrets().some((secret) => isSame(signUnder(secret, predictionId), token)),
  }
}

const isSame = (right: string, given: string) => {
  const [expected, actual] = [Buffer.from(right), Buffer.from(given)]
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}
