import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { expect, test } from 'vitest'
import pythonSignatures from '../../fixtures/python-signatures.json' with { type: 'json' }
import { signatureHeaders } from './sign.ts'

const createKey = () => `whsec_${randomBytes(32).toString('base64')}`
const nowSeconds = () => Math.floor(Date.now() / 1000)

/** What receivers verify with. Both throw at a wrong signature. (svix 2 calls the other; the Python fixture does not.) */
const verifiers = [
  ['standardwebhooks', (key: string) => new StandardWebhook(key)],
  ['svix', (key: string) => new SvixWebhook(key)],
] as const

/** Any JSON text, with code points of all planes, escaped or not. */
const jsonBody = fc
  .oneof(
    fc.jsonValue({ stringUnit: 'binary' }),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
  )
  .map((value) => JSON.stringify(value))

test.each(verifiers)('%s verifies what we sign, whatever is in the body', (_, verifierFor) => {
  const key = createKey()

  fc.assert(
    fc.property(jsonBody, (text) => {
      const body = Buffer.from(text)
      const headers = signatureHeaders({ id: 'wh-1', timestampSeconds: nowSeconds(), body, keys: [key] })

      expect(() => verifierFor(key).verify(body, headers)).not.toThrow()
    }),
  )
})

test.each(verifiers)(
  'during a rotation %s verifies with the old secret and with the new one',
  (_, verifierFor) => {
    const [current, previous, stranger] = [createKey(), createKey(), createKey()]
    const body = Buffer.from('{"status":"succeeded"}')

    const headers = signatureHeaders({
      id: 'wh-1',
      timestampSeconds: nowSeconds(),
      body,
      keys: [current, previous],
    })

    expect(() => verifierFor(current).verify(body, headers)).not.toThrow()
    expect(() => verifierFor(previous).verify(body, headers)).not.toThrow()
    expect(() => verifierFor(stranger).verify(body, headers)).toThrow('No matching signature')
  },
)

test.each(verifiers)(
  '%s refuses a delivery of which a byte, the id or the time was changed',
  (_, verifierFor) => {
    const key = createKey()
    const timestampSeconds = nowSeconds()
    const bodyAndPosition = fc
      .string({ unit: 'grapheme-ascii', minLength: 1 })
      .chain((text) => fc.tuple(fc.constant(text), fc.nat({ max: text.length - 1 })))

    fc.assert(
      fc.property(bodyAndPosition, fc.integer({ min: 1, max: 127 }), ([text, position], flip) => {
        const body = Buffer.from(text)
        const headers = signatureHeaders({ id: 'wh-1', timestampSeconds, body, keys: [key] })
        const changed = Buffer.from(body)
        changed[position] = (changed[position] ?? 0) ^ flip
        const verify = (bytes: Buffer, changes: Record<string, string> = {}) =>
          verifierFor(key).verify(bytes, { ...headers, ...changes })

        expect(() => verify(changed)).toThrow('No matching signature')
        expect(() => verify(body, { 'webhook-id': 'wh-2' })).toThrow('No matching signature')
        expect(() => verify(body, { 'webhook-timestamp': String(timestampSeconds + 1) })).toThrow(
          'No matching signature',
        )
      }),
    )
  },
)

test.each(pythonSignatures)('our signature of $id is the one that the Python library makes', (expected) => {
  const { id, timestamp, secret } = expected
  const body = Buffer.from(expected.body, 'base64')

  expect(signatureHeaders({ id, timestampSeconds: timestamp, body, keys: [secret] })).toEqual({
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': expected.signature,
  })
})

test('the bytes are signed, not the text that they decode to', () => {
  const sign = (body: Buffer) =>
    signatureHeaders({ id: 'wh-1', timestampSeconds: 1, body, keys: ['whsec_c2VjcmV0'] })

  // both decode to U+FFFD
  expect(sign(Buffer.from([0xff]))).not.toEqual(sign(Buffer.from([0xfe])))
})

test.each([
  ['no key', { keys: [] }, 'unsigned'],
  ['an id with the separator in it', { id: 'wh-yolo.1' }, 'no "."'],
  ['an empty id', { id: '' }, 'no "."'],
  ['a fraction of a second', { timestampSeconds: 1.5 }, 'whole seconds'],
])('%s is refused', (_, change, message) => {
  const delivery = { id: 'wh-1', timestampSeconds: 1, body: Buffer.from('{}'), keys: ['whsec_c2VjcmV0'] }

  expect(() => signatureHeaders({ ...delivery, ...change })).toThrow(message)
})
