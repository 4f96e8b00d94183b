import { createHmac } from 'node:crypto'

/**
 * The headers that sign one attempt, after the Standard Webhooks specification
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Webhook headers" and
 * "Signature scheme"): `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, one for each key, separated by a
 * space. A receiver accepts the delivery when any of them is right; that is what lets it change keys.
 *
 * `body` are the exact bytes that are sent. `keys` are `whsec_` secrets, whose base64 is decoded before it is used.
 * Throws when the receiver could not verify the result: no key, an `id` with a `.` (the separator of what is signed), a
 * timestamp that is not in whole seconds since the epoch.
 */
export const signatureHeaders = ({
  id,
  timestampSeconds,
  body,
  keys,
}: {
  id: string
  timestampSeconds: number
  body: Buffer
  keys: readonly string[]
}) => {
  if (keys.length === 0) throw new Error('a webhook without a key would go out unsigned')
  if (id === '' || id.includes('.')) throw new Error(`a webhook id has no "." and is not empty: "${id}"`)
  if (!Number.isSafeInteger(timestampSeconds)) {
    throw new Error(`a webhook timestamp is in whole seconds: ${timestampSeconds}`)
  }
  const prefix = `${id}.${timestampSeconds}.`
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': keys.map((key) => signatureOf(key, prefix, body)).join(' '),
  }
}

const signatureOf = (key: string, prefix: string, body: Buffer) =>
  `v1,${createHmac('sha256', decodeKey(key)).update(prefix).update(body).digest('base64')}`

const decodeKey = (key: string) => Buffer.from(key.replace(/^whsec_/, ''), 'base64')
