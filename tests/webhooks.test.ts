import { createHash } from 'node:crypto'
import { createDeliveryStore } from '@onqueue/shared'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { inParallel } from './support/in-parallel.ts'
import { createClient } from './support/client.ts'
import { headersOf, loopbackWebhooks, startReceiver } from './support/receiver.ts'
import type { Receiver } from './support/receiver.ts'
import { shippedModel, startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack
const receivers: Receiver[] = []

beforeAll(async () => {
  stack = await startStack({
    models: [
      shippedModel('demo-classifier'),
      { name: 'slow', of: 'slow', settings: 'example: { n: [1] }\ninstances: 1\ntimeout_s: 60' },
    ],
    environment: { ...loopbackWebhooks, ONQUEUE_WEBHOOK_SCHEDULE: '0,0.2s,0.2s,0.2s' },
  })
  await stack.startWebhooks()
})
afterAll(() => stack.close())
afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()))
})

const receiver = async (...options: Parameters<typeof startReceiver>) => {
  const started = await startReceiver(...options)
  receivers.push(started)
  return started
}

/** The delivery about the end of a prediction, when it has the status. */
const untilDelivery = (id: string, status: string) =>
  vi.waitFor(
    async () => {
      const { body } = await stack.client.get(`/v1/predictions/${id}/deliveries`)
      const delivery = body.results.at(-1)
      expect(delivery?.status).toBe(status)
      return delivery
    },
    { timeout: 10_000, interval: 20 },
  )

const input = { features: [1.0, -0.5, 2.1, 0.3] }

test('the finished prediction arrives, signed, as poll shows it', async () => {
  const { url, received, untilReceived } = await receiver()

  const { body } = await stack.client.submit('demo-classifier', input, { webhook: `${url}/hooks?a=1` })
  await untilReceived(1)

  const [webhook] = received
  const polled = await stack.client.untilFinal(body.id)
  expect(webhook?.path).toBe('/hooks?a=1')
  expect(webhook?.headers['content-type']).toBe('application/json')
  expect(webhook?.headers['onqueue-event']).toBe('prediction.completed')
  expect(webhook?.body).toEqual({ ...polled.body, webhook: { status: 'pending' } })
  const { key } = (await stack.client.get('/v1/webhooks/default/secret')).body
  for (const Verifier of [StandardWebhook, SvixWebhook]) {
    expect(() => new Verifier(key).verify(webhook?.text ?? '', headersOf(webhook))).not.toThrow()
    expect(() => new Verifier(key).verify(`${webhook?.text} `, headersOf(webhook))).toThrow(/signature/)
  }
  await expect
    .poll(async () => (await stack.client.get(`/v1/predictions/${body.id}`)).body.webhook)
    .toEqual({ status: 'delivered' })
})

test('what fails is tried again: same id, same bytes, a new timestamp and signature', async () => {
  let answers = 0
  const { url, received, untilReceived } = await receiver((response) => {
    answers += 1
    response.writeHead(answers < 3 ? 500 : 200).end('try later')
  })

  const { body } = await stack.client.submit('demo-classifier', input, { webhook: url })
  await untilReceived(3)

  const delivery = await untilDelivery(body.id, 'delivered')
  expect(new Set(received.map(({ id }) => id))).toEqual(new Set([delivery.id]))
  expect(new Set(received.map(({ text }) => text)).size).toBe(1)
  expect(delivery.id).not.toContain('.')
  expect(delivery.attempts).toMatchObject([
    { status_code: 500, error: expect.stringContaining('500'), response_head: 'try later' },
    { status_code: 500 },
    { status_code: 200, error: null },
  ])
  expect(delivery.next_attempt_at).toBe(null)
  expect((await stack.client.get(`/v1/deliveries/${delivery.id}`)).body).toEqual(delivery)
})

test('after its last attempt a delivery has failed, is shown so, and can be redelivered', async () => {
  let isUp = false
  const { url, received, untilReceived } = await receiver((response) =>
    response.writeHead(isUp ? 200 : 400).end(),
  )

  const { body } = await stack.client.submit('demo-classifier', input, { webhook: url })
  const failed = await untilDelivery(body.id, 'failed')
  const listed = await stack.client.get('/v1/deliveries?status=failed')
  isUp = true
  const again = await stack.client.call('POST', `/v1/deliveries/${failed.id}/redeliver`)
  await untilReceived(5)

  expect(failed.attempts.length).toBe(4)
  expect(listed.body.results).toContainEqual(failed)
  expect(again.status).toBe(202)
  expect(again.body).toMatchObject({ id: failed.id, status: 'pending' })
  const delivered = await untilDelivery(body.id, 'delivered')
  expect(delivered.attempts.length).toBe(5)
  expect(new Set(received.map(({ text }) => text)).size).toBe(1)
})

test('a delivered one can be redelivered too, with the same id and bytes', async () => {
  const { url, received, untilReceived } = await receiver()
  const { body } = await stack.client.submit('demo-classifier', input, { webhook: url })
  const { id } = await untilDelivery(body.id, 'delivered')

  await stack.client.call('POST', `/v1/deliveries/${id}/redeliver`)
  await untilReceived(2)

  expect(received[1]?.id).toBe(id)
  expect(received[1]?.text).toBe(received[0]?.text)
  await untilDelivery(body.id, 'delivered')
})

test('all that failed since a time are redelivered with one call', async () => {
  let isUp = false
  const { url, untilReceived } = await receiver((response) => response.writeHead(isUp ? 200 : 410).end())
  const before = await stack.client.submit('demo-classifier', input, { webhook: url })
  await untilDelivery(before.body.id, 'failed')
  const since = new Date().toISOString()
  const later = await Promise.all(
    [1, 2, 3].map(() => stack.client.submit('demo-classifier', input, { webhook: url })),
  )
  await Promise.all(later.map(({ body }) => untilDelivery(body.id, 'failed')))

  isUp = true
  const { body } = await stack.client.call('POST', '/v1/deliveries/redeliver', { since })
  await untilReceived(7)

  expect(body).toEqual({ redelivered: 3, has_more: false })
  await Promise.all(later.map(({ body: { id } }) => untilDelivery(id, 'delivered')))
  await untilDelivery(before.body.id, 'failed')
})

test('410 ends a delivery at once', async () => {
  const { url, received } = await receiver((response) => response.writeHead(410).end())

  const { body } = await stack.client.submit('demo-classifier', input, { webhook: url })

  const delivery = await untilDelivery(body.id, 'failed')
  expect(delivery.attempts).toMatchObject([{ status_code: 410 }])
  expect(received.length).toBe(1)
})

test('a redirect is not followed, and the log says so', async () => {
  const target = await receiver()
  const { url } = await receiver((response) => response.writeHead(302, { location: target.url }).end())

  const { body } = await stack.client.submit('demo-classifier', input, { webhook: url })

  const delivery = await untilDelivery(body.id, 'failed')
  expect(delivery.attempts[0]).toMatchObject({
    status_code: 302,
    error: expect.stringContaining('redirects are not followed'),
  })
  expect(target.connections()).toBe(0)
})

test('Retry-After puts the next attempt off', async () => {
  const { url, untilReceived } = await receiver((response) =>
    response.writeHead(503, { 'retry-after': '3600' }).end(),
  )

  const { body } = await stack.client.submit('demo-classifier', input, { webhook: url })
  await untilReceived(1)

  await expect
    .poll(async () => (await stack.client.get(`/v1/predictions/${body.id}/deliveries`)).body.results[0])
    .toMatchObject({ status: 'pending', attempts: [{ status_code: 503 }] })
  const [delivery] = (await stack.client.get(`/v1/predictions/${body.id}/deliveries`)).body.results
  const waitMs = Date.parse(delivery.next_attempt_at) - Date.parse(delivery.attempts[0].at)
  expect(waitMs).toBeGreaterThanOrEqual(3600_000)
  // what waits for an hour would be looked after by the next test's stack
  await stack.client.call('POST', `/v1/deliveries/${delivery.id}/redeliver`)
})

test('however a prediction ends, its owner is told once', async () => {
  const { url, received, untilReceived } = await receiver()
  const webhook = { webhook: url }
  const busy = await stack.client.submit('slow', { n: [400] }, { priority: 'high' })
  await stack.client.untilTaken(busy.body.id)

  const canceled = await stack.client.submit('slow', { n: [1] }, webhook)
  await stack.client.call('POST', `/v1/predictions/${canceled.body.id}/cancel`)
  const expired = await stack.client.submit('slow', { n: [1] }, webhook, { 'cancel-after': '0.1' })
  const failed = await stack.client.submit('slow', { n: [-1] }, webhook)
  const keyed = await Promise.all(
    [1, 2, 3].map(() => stack.client.submit('slow', { n: [2] }, webhook, { 'idempotency-key': 'once' })),
  )
  await untilReceived(4)

  const ids = [canceled, expired, failed, keyed[0]].map((answer) => answer?.body.id)
  const final = await Promise.all(ids.map((id) => stack.client.untilFinal(id)))
  await Promise.all(ids.map((id) => untilDelivery(id, 'delivered')))
  const told = new Map(received.map(({ body }) => [body.id, body.status]))
  expect(ids.map((id) => told.get(id))).toEqual(final.map(({ body }) => body.status))
  expect(final.map(({ body }) => body.status).slice(0, 2)).toEqual(['canceled', 'expired'])
  expect(received.length).toBe(4)
})

test('start is told where it was asked for, with the prediction as it was then', async () => {
  const { url, received, untilReceived } = await receiver()

  const { body } = await stack.client.submit(
    'slow',
    { n: [50] },
    { webhook: url, webhook_events_filter: ['start', 'completed'] },
  )
  await untilReceived(2)

  const started = received.find(({ headers }) => headers['onqueue-event'] === 'prediction.started')
  const completed = received.find(({ headers }) => headers['onqueue-event'] === 'prediction.completed')
  expect(started?.body).toMatchObject({ id: body.id, status: 'processing', output: null, completed_at: null })
  expect(completed?.body).toMatchObject({ id: body.id, status: 'succeeded' })
  expect(started?.id).not.toBe(completed?.id)
  const { body: log } = await stack.client.get(`/v1/predictions/${body.id}/deliveries`)
  expect(log.results.map(({ event }: { event: string }) => event)).toEqual([
    'prediction.started',
    'prediction.completed',
  ])

  const only = await stack.client.submit(
    'slow',
    { n: [1] },
    { webhook: url, webhook_events_filter: ['start'] },
  )
  await untilReceived(3)
  expect(only.body.webhook).toBe(null)
})

test('a thin body leaves out input and output', async () => {
  const { url, received, untilReceived } = await receiver()

  await stack.client.submit('demo-classifier', input, { webhook: url, webhook_payload: 'thin' })
  await untilReceived(1)

  expect(received[0]?.body).toMatchObject({ status: 'succeeded', urls: { get: expect.any(String) } })
  expect(received[0]?.body).not.toHaveProperty('input')
  expect(received[0]?.body).not.toHaveProperty('output')
})

test('during a rotation both secrets verify', async () => {
  const { url, received, untilReceived } = await receiver()
  const old = (await stack.client.get('/v1/webhooks/default/secret')).body.key
  const rotated = await stack.client.call('POST', '/v1/webhooks/default/secret/rotate')

  await stack.client.submit('demo-classifier', input, { webhook: url, metadata: { name: 'Ünïcødé 🐟' } })
  await untilReceived(1)

  expect(rotated.body.key).not.toBe(old)
  expect(Date.parse(rotated.body.previous_key_until)).toBeGreaterThan(Date.now())
  for (const key of [old, rotated.body.key]) {
    expect(() =>
      new StandardWebhook(key).verify(received[0]?.text ?? '', headersOf(received[0])),
    ).not.toThrow()
  }
})

test('a test message is signed and delivered like any other', async () => {
  const { url, received, untilReceived } = await receiver()

  const sent = await stack.client.call('POST', '/v1/webhooks/test', { url })
  await untilReceived(1)

  expect(sent.status).toBe(202)
  expect(sent.headers.get('location')).toBe(`/v1/deliveries/${sent.body.id}`)
  expect(received[0]?.headers['onqueue-event']).toBe('webhook.test')
  await expect
    .poll(async () => (await stack.client.get(`/v1/deliveries/${sent.body.id}`)).body.status)
    .toBe('delivered')
})

test.each([
  ['ftp://example.com/', 'https'],
  ['https://user:secret@example.com/', 'user name'],
  ['https://10.0.0.7/', 'ONQUEUE_WEBHOOK_ALLOWED_NETWORKS'],
  ['https://[::ffff:169.254.169.254]/', 'ONQUEUE_WEBHOOK_ALLOWED_NETWORKS'],
  ['https://example.com:25/', 'port'],
  ['not a url', 'URL'],
])('a webhook to %s is refused at the door, and nothing is enqueued', async (webhook, reason) => {
  const before = await stack.redis.zcard(`${stack.prefix}:{demo-classifier}:index:anonymous`)

  const answer = await stack.client.submit('demo-classifier', input, { webhook })

  expect(answer.status).toBe(422)
  expect(answer.body.errors).toEqual([{ pointer: '/webhook', detail: expect.stringContaining(reason) }])
  expect(answer.text).not.toContain('secret')
  expect(await stack.redis.zcard(`${stack.prefix}:{demo-classifier}:index:anonymous`)).toBe(before)
})

test('a test message to where webhooks may not go is refused', async () => {
  const answer = await stack.client.call('POST', '/v1/webhooks/test', { url: 'https://10.0.0.7/' })

  expect(answer.status).toBe(422)
  expect(answer.body.errors).toEqual([{ pointer: '/url', detail: expect.stringContaining('not public') }])
})

test('options of a webhook without one are refused', async () => {
  const answer = await stack.client.submit('demo-classifier', input, { webhook_payload: 'thin' })

  expect(answer.status).toBe(422)
  expect(answer.body.errors).toMatchObject([{ pointer: '/webhook_payload' }])
})

test('an endpoint that fails for five days is paused, shown as such, and resumed by a call', async () => {
  let isUp = false
  const { url, untilReceived } = await receiver((response) => response.writeHead(isUp ? 200 : 400).end())
  const sixDaysAgo = Date.now() - 6 * 24 * 3_600_000
  const endpoint = `${stack.prefix}:{+deliveries}:endpoint:anonymous ${url}`
  await stack.redis.hset(endpoint, { failingSince: sixDaysAgo, failures: 20 })

  const { body } = await stack.client.submit('demo-classifier', input, { webhook: url })
  const paused = await untilDelivery(body.id, 'paused')

  expect(paused.next_attempt_at).toBe(null)
  expect((await stack.client.get(`/v1/predictions/${body.id}`)).body.webhook).toEqual({ status: 'paused' })
  const { body: endpoints } = await stack.client.get('/v1/webhooks/endpoints')
  expect(endpoints.results).toContainEqual({
    object: 'webhook_endpoint',
    origin: url,
    status: 'paused',
    waiting: 1,
    failing_since: new Date(sixDaysAgo).toISOString(),
    paused_at: expect.any(String),
  })
  isUp = true
  const resumed = await stack.client.call('POST', '/v1/webhooks/endpoints/resume', { origin: url })
  expect(resumed.body).toMatchObject({ status: 'ok', paused_at: null })
  await untilReceived(2)
  await untilDelivery(body.id, 'delivered')
})

test('a delivery that is discarded is gone, and not attempted any more', async () => {
  const { url, received, untilReceived } = await receiver((response) => response.writeHead(500).end())
  const { body } = await stack.client.submit('demo-classifier', input, { webhook: url })
  await untilReceived(1)
  const { id } = await untilDelivery(body.id, 'pending')

  const discarded = await stack.client.call('DELETE', `/v1/deliveries/${id}`)

  expect(discarded.status).toBe(204)
  expect((await stack.client.get(`/v1/deliveries/${id}`)).status).toBe(404)
  const seen = received.length
  // whatever is sent now comes after what would have been sent again
  const { body: test } = await stack.client.call('POST', '/v1/webhooks/test', { url })
  await untilReceived(seen + 4)
  expect(received.slice(seen + 1).every((webhook) => webhook.id === test.id)).toBe(true)
})

test('a prediction that is held for a delivery which is gone is let go, and not told of again', async () => {
  const { url, received, untilReceived } = await receiver()
  const { body } = await stack.client.submit('demo-classifier', input, {
    webhook: url,
    webhook_payload: 'thin',
  })
  const { id } = await untilDelivery(body.id, 'delivered')
  await stack.client.call('DELETE', `/v1/deliveries/${id}`)

  // what a process leaves behind that dies after the delivery was noted; it is looked at within the hour
  const undelivered = `${stack.prefix}:{demo-classifier}:undelivered`
  await stack.redis.zadd(undelivered, 0, `${body.id}:held`)

  await expect.poll(() => stack.redis.zscore(undelivered, `${body.id}:held`), { timeout: 10_000 }).toBe(null)
  await stack.client.call('POST', '/v1/webhooks/test', { url })
  await untilReceived(2)
  expect(received.map(({ headers }) => headers['onqueue-event'])).toEqual([
    'prediction.completed',
    'webhook.test',
  ])
  expect((await stack.client.get(`/v1/predictions/${body.id}`)).body.webhook).toEqual({ status: 'gone' })
})

test('a prediction that is deleted while it waits is not told of', async () => {
  const { url, received, untilReceived } = await receiver()
  const busy = await stack.client.submit('slow', { n: [300] }, { priority: 'high' })
  await stack.client.untilTaken(busy.body.id)
  const { body } = await stack.client.submit('slow', { n: [1] }, { webhook: url })

  await stack.client.call('DELETE', `/v1/predictions/${body.id}`)

  await stack.client.untilFinal(busy.body.id)
  await stack.client.call('POST', '/v1/webhooks/test', { url })
  await untilReceived(1)
  expect(received.map(({ headers }) => headers['onqueue-event'])).toEqual(['webhook.test'])
})

test('a deleted prediction is not told of any more', async () => {
  const { url, untilReceived } = await receiver((response) => response.writeHead(500).end())
  const { body } = await stack.client.submit('demo-classifier', input, { webhook: url })
  await untilReceived(1)
  const { id } = await untilDelivery(body.id, 'pending')

  await stack.client.call('DELETE', `/v1/predictions/${body.id}`)

  expect((await stack.client.get(`/v1/deliveries/${id}`)).status).toBe(404)
  expect(await stack.redis.exists(`${stack.prefix}:{+deliveries}:body:${id}`)).toBe(0)
})

test('past the limit of undelivered bytes, submits with a webhook are refused and others are not', async () => {
  const strict = await stack.startApi({ ONQUEUE_WEBHOOK_BYTES_LIMIT: '1' })
  const { url } = await receiver((response) => response.writeHead(400).end())
  const { body } = await stack.client.submit('demo-classifier', input, { webhook: url })
  await untilDelivery(body.id, 'failed')

  const client = createClient(strict.url)
  await client.untilServed('demo-classifier')
  const refused = await client.submit('demo-classifier', input, { webhook: url })
  const accepted = await client.submit('demo-classifier', input)

  expect(refused).toMatchObject({ status: 429, body: { code: 'deliveries_full' } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(accepted.status).toBe(202)
  await strict.stop()
})

test('one owner sees nothing of another', async () => {
  const { url, untilReceived } = await receiver()
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const keys = { ONQUEUE_API_KEYS: `alice:${sha256('alice-key')},bob:${sha256('bob-key')}` }
  const guarded = await stack.startApi(keys)
  const alice = createClient(guarded.url, { key: 'alice-key' })
  const bob = createClient(guarded.url, { key: 'bob-key' })
  await alice.untilServed('demo-classifier')

  const { body } = await alice.submit('demo-classifier', input, { webhook: url })
  await untilReceived(1)

  const id = (await alice.get(`/v1/predictions/${body.id}/deliveries`)).body.results[0].id
  expect((await alice.get(`/v1/deliveries/${id}`)).status).toBe(200)
  expect((await bob.get(`/v1/deliveries/${id}`)).status).toBe(404)
  expect((await bob.get(`/v1/predictions/${body.id}/deliveries`)).status).toBe(404)
  expect((await bob.call('POST', `/v1/deliveries/${id}/redeliver`)).status).toBe(404)
  expect((await bob.get('/v1/deliveries')).body.results).toEqual([])
  expect((await bob.get('/v1/webhooks/endpoints')).body.results).toEqual([])
  expect((await bob.get('/v1/webhooks/default/secret')).body).not.toEqual(
    (await alice.get('/v1/webhooks/default/secret')).body,
  )
  await guarded.stop()
})

test('deliveries are listed page by page, newest first', async () => {
  const { url } = await receiver()
  const sent = []
  for (let index = 0; index < 5; index += 1) {
    sent.push((await stack.client.call('POST', '/v1/webhooks/test', { url })).body.id)
  }

  const ids = []
  let path = '/v1/deliveries?limit=2'
  while (ids.length < 5) {
    const { body } = await stack.client.get(path)
    ids.push(...body.results.map(({ id }: { id: string }) => id))
    path = body.next.slice(stack.url.length)
  }

  expect(ids.slice(0, 5)).toEqual(sent.toReversed())
})

test('a delivery has exactly the attempts of the schedule, none sooner than it says', async () => {
  const scheduled = await startStack({
    environment: {
      ...loopbackWebhooks,
      ONQUEUE_WEBHOOK_SCHEDULE: '0,0.05s,0.1s,0.15s,0.2s,0.2s,0.2s,0.2s,0.2s,0.2s',
    },
  })
  const { url, received } = await receiver((response) => response.writeHead(400).end())
  try {
    await scheduled.startWebhooks()
    const { body } = await scheduled.client.submit('demo-classifier', input, { webhook: url })

    const attempts = await vi.waitFor(
      async () => {
        const [delivery] = (await scheduled.client.get(`/v1/predictions/${body.id}/deliveries`)).body.results
        expect(delivery.status).toBe('failed')
        return delivery.attempts
      },
      { timeout: 20_000 },
    )

    expect(received.length).toBe(10)
    const ends = attempts.map(({ at, duration }: { at: string; duration: number }) => ({
      at: Date.parse(at),
      end: Date.parse(at) + duration * 1000,
    }))
    const waits = [50, 100, 150, 200, 200, 200, 200, 200, 200]
    for (const [index, wait] of waits.entries()) {
      // attempts are noted in whole milliseconds
      expect(ends[index + 1].at - ends[index].end).toBeGreaterThanOrEqual(0.9 * wait - 2)
    }
  } finally {
    await scheduled.close()
  }
})

const deadCount = 2000

test(`${deadCount} deliveries to a receiver that never answers hold up nobody else`, async () => {
  const dead = await receiver(() => undefined)
  const { url, received, untilReceived } = await receiver()
  const deliveries = createDeliveryStore({ redis: stack.redis, namespace: stack.prefix, clock: Date.now })
  const about = {
    owner: 'anonymous',
    predictionId: null,
    event: 'webhook.test' as const,
    createdAt: Date.now(),
    holdsPrediction: false,
  }
  await inParallel(deadCount, 100, (index) =>
    deliveries.create(`wh-dead-${index}`, { ...about, url: dead.url }, '{}'),
  )
  await deliveries.announce()
  await vi.waitFor(() => expect(dead.received.length).toBeGreaterThan(0), { timeout: 10_000 })

  const submitted = await inParallel(20, 1, () =>
    stack.client.submit('demo-classifier', input, { webhook: url }),
  )
  await untilReceived(20)

  const lags = received.map(({ at, body }) => at - Date.parse(body.completed_at))
  console.log(
    `slowest of 20 deliveries beside ${deadCount} waiting for a dead receiver: ${Math.max(...lags)} ms`,
  )
  expect(new Set(received.map(({ body }) => body.id))).toEqual(new Set(submitted.map(({ body }) => body.id)))
  // an attempt at the dead one takes 15 s: none of them has ended
  expect(dead.received.length).toBeLessThanOrEqual(16)
  await inParallel(deadCount, 100, (index) =>
    deliveries.discard(`wh-dead-${index}`, { ...about, url: dead.url }),
  )
})

test('a webhooks process that may not dial private networks opens no connection to them', async () => {
  const guarded = await startStack({ environment: { ONQUEUE_WEBHOOK_SCHEDULE: '0' } })
  const { url, connections } = await receiver()
  try {
    // an API that lets it through, be it by other settings or by a name that resolves elsewhere later
    const lenient = createClient((await guarded.startApi(loopbackWebhooks)).url)
    await lenient.untilServed('demo-classifier')
    await guarded.startWebhooks({ ONQUEUE_WEBHOOK_ALLOW_HTTP: 'true' })
    const { body } = await lenient.submit('demo-classifier', input, { webhook: url })

    const [delivery] = await vi.waitFor(async () => {
      const { results } = (await lenient.get(`/v1/predictions/${body.id}/deliveries`)).body
      expect(results[0].status).toBe('failed')
      return results
    }, 20_000)

    expect(delivery.attempts).toMatchObject([
      { status_code: null, error: expect.stringContaining('ONQUEUE_WEBHOOK_ALLOWED_NETWORKS') },
    ])
    expect(connections()).toBe(0)
  } finally {
    await guarded.close()
  }
})

test('a webhooks process that trusts callers without a key with loopback dials it for them alone', async () => {
  const key = 'key-of-billing'
  const guarded = await startStack({ environment: { ONQUEUE_WEBHOOK_SCHEDULE: '0' } })
  const { url, received, connections, untilReceived } = await receiver()
  try {
    // APIs that let both through, be it by other settings or by a name that resolves elsewhere later
    const open = createClient((await guarded.startApi(loopbackWebhooks)).url)
    const keys = `billing:${createHash('sha256').update(key).digest('hex')}`
    const closed = createClient(
      (await guarded.startApi({ ...loopbackWebhooks, ONQUEUE_API_KEYS: keys })).url,
      { key },
    )
    await Promise.all([open, closed].map((client) => client.untilServed('demo-classifier')))
    await guarded.startWebhooks({ ONQUEUE_WEBHOOK_ANONYMOUS_LOOPBACK: 'true' })
    const own = await open.submit('demo-classifier', input, { webhook: url })
    await untilReceived(1)

    const { body } = await closed.submit('demo-classifier', input, { webhook: url })

    const [delivery] = await vi.waitFor(async () => {
      const { results } = (await closed.get(`/v1/predictions/${body.id}/deliveries`)).body
      expect(results[0].status).toBe('failed')
      return results
    }, 20_000)
    expect(delivery.attempts).toMatchObject([
      { status_code: null, error: expect.stringContaining('ONQUEUE_WEBHOOK_ALLOW_HTTP') },
    ])
    expect(received.map((one) => one.body.id)).toEqual([own.body.id])
    expect(connections()).toBe(1)
  } finally {
    await guarded.close()
  }
})

test('a prediction is kept until its delivery was made, and a thin one until it arrived', async () => {
  const brief = await startStack({
    environment: {
      ...loopbackWebhooks,
      ONQUEUE_RETENTION: '0.2s',
      ONQUEUE_RETENTION_MIN: '0.1s',
      ONQUEUE_WEBHOOK_SCHEDULE: `0${',0.2s'.repeat(100)}`,
    },
  })
  let isUp = false
  const { url, received, untilReceived } = await receiver((response) =>
    response.writeHead(isUp ? 200 : 500).end(),
  )
  const exists = async (id: string) => (await brief.client.get(`/v1/predictions/${id}`)).status === 200
  try {
    const other = await brief.client.submit('demo-classifier', input)
    const full = await brief.client.submit('demo-classifier', input, { webhook: url })
    const thin = await brief.client.submit('demo-classifier', input, {
      webhook: url,
      webhook_payload: 'thin',
    })
    await vi.waitFor(async () => expect(await exists(other.body.id)).toBe(false), { timeout: 10_000 })
    expect([await exists(full.body.id), await exists(thin.body.id)]).toEqual([true, true])

    await brief.startWebhooks()
    await vi.waitFor(async () => expect(await exists(full.body.id)).toBe(false), { timeout: 10_000 })
    expect(await exists(thin.body.id)).toBe(true)

    isUp = true
    await vi.waitFor(async () => expect(await exists(thin.body.id)).toBe(false), { timeout: 10_000 })
    await untilReceived(2)
    expect(new Set(received.map(({ body }) => body.id))).toEqual(new Set([full.body.id, thin.body.id]))
  } finally {
    await brief.close()
  }
})
