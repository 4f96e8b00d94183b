import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * The token in `urls.events`: it opens the events of one prediction to whoever has the link, since a browser's
 * `EventSource` can't send a header.
 *
 *     <when the prediction was made>.<key id>.<signature>
 *
 * It is bound to this one prediction, since an idempotency key can give its id to another one later, and to the API key that
 * submitted it. The release before made `<signature>` alone, bound to neither.
 */
export type EventsTokens = {
  sign(prediction: SignedPrediction): string
  /** What a token of that prediction is bound to; undefined where it is none. */
  read(predictionId: string, token: string): EventsToken | undefined
}

export type SignedPrediction = {
  id: string
  createdAt: number
  /** null where no key was needed; undefined where the token is to be one that the release before can read */
  keyId: string | null | undefined
}
export type EventsToken = { kind: 'bound'; createdAt: number; keyId: string | null } | { kind: 'unbound' }

/** `secrets` are those that are good; the first one signs. */
export const createEventsTokens = (secrets: () => readonly [string, ...string[]]): EventsTokens => ({
  sign: (prediction) => toToken(prediction, secrets()[0]),
  read: (id, token) => {
    const found = parseToken(token)
    const keyId = found.kind === 'bound' ? found.keyId : undefined
    const prediction = { id, createdAt: found.kind === 'bound' ? found.createdAt : 0, keyId }
    return secrets().some((secret) => isSame(toToken(prediction, secret), token)) ? found : undefined
  },
})

const toToken = ({ id, createdAt, keyId }: SignedPrediction, secret: string) => {
  if (keyId === undefined) return sign(secret, `events ${id}`)
  const signature = sign(secret, JSON.stringify(['events', id, createdAt, keyId]))
  return `${createdAt.toString(36)}.${keyId ?? ''}.${signature}`
}

/** Says nothing of whether it is right. */
const parseToken = (token: string): EventsToken => {
  const [, createdAt, keyId] = /^([0-9a-z]{1,11})\.([0-9a-f]*)\.[\w-]+$/.exec(token) ?? []
  if (createdAt === undefined || keyId === undefined) return { kind: 'unbound' }
  return { kind: 'bound', createdAt: Number.parseInt(createdAt, 36), keyId: keyId === '' ? null : keyId }
}

const sign = (secret: string, text: string) =>
  createHmac('sha256', secret).update(text).digest('base64url').slice(0, 22)

const isSame = (right: string, given: string) => {
  const [expected, actual] = [Buffer.from(right), Buffer.from(given)]
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}
