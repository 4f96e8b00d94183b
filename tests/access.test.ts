import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from './support/client.ts'
import { startStack } from './support/stack.ts'
import type { Stack, StackProcess } from './support/stack.ts'

const input = { features: [1, -0.5, 2.1, 0.3] }
const hash = (key: string) => createHash('sha256').update(key).digest('hex')
let stack: Stack
let guarded: StackProcess

beforeAll(async () => {
  stack = await startStack()
  guarded = await stack.startApi({ ONQUEUE_API_KEYS: `ada:${hash('key-of-ada')},bob:${hash('key-of-bob')}` })
})
afterAll(() => stack.close())

/** fetch does not let a caller choose the Host header. */
const statusWith = (headers: Record<string, string>, path = '/v1/models') =>
  new Promise<number>((resolve, reject) => {
    request(`${stack.url}${path}`, { headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
      .on('error', reject)
      .end()
  })

test('without keys a foreign Host, Origin or site gets 403', async () => {
  expect(await statusWith({})).toBe(200)
  expect(await statusWith({ host: 'evil.example' })).toBe(403)
  expect(await statusWith({ origin: 'https://evil.example' })).toBe(403)
  expect(await statusWith({ 'sec-fetch-site': 'cross-site' })).toBe(403)
  expect(await statusWith({ host: 'localhost:8080' })).toBe(200)
})

test('with keys a request without one, or with a wrong one, gets 401', async () => {
  const anonymous = createClient(guarded.url)
  const stranger = createClient(guarded.url, { key: 'key-of-eve' })

  expect((await anonymous.get('/v1/models')).status).toBe(401)
  expect((await stranger.predict('demo-classifier', input)).status).toBe(401)
  expect((await anonymous.call('POST', '/predict', input)).status).toBe(401)
  expect((await anonymous.get('/metrics')).status).toBe(401)
})

test('health, docs and the OpenAPI document are open in every mode', async () => {
  const anonymous = createClient(guarded.url)

  for (const path of ['/health', '/livez', '/readyz', '/docs', '/openapi.json']) {
    expect((await anonymous.get(path)).status).toBe(200)
  }
})

test('probes of the Open Inference Protocol are told 404 as long as nothing answers them', async () => {
  const anonymous = createClient(guarded.url)

  expect((await anonymous.get('/v2/health/live')).status).toBe(404)
  expect(await statusWith({ host: 'api.pods.example' }, '/v2/health/live')).toBe(404)
  expect((await anonymous.get('/v2/models')).status).toBe(401)
  expect(await statusWith({ host: 'api.pods.example' }, '/v2/models')).toBe(403)
})

test('one owner can not see, cancel, delete or list the predictions of another', async () => {
  const ada = createClient(guarded.url, { key: 'key-of-ada' })
  const bob = createClient(guarded.url, { key: 'key-of-bob' })
  const { body } = await ada.submit('demo-classifier', input, {}, { prefer: 'wait=10' })

  expect(body.status).toBe('succeeded')
  expect((await bob.get(`/v1/predictions/${body.id}`)).status).toBe(404)
  expect((await bob.call('POST', `/v1/predictions/${body.id}/cancel`)).status).toBe(404)
  expect((await bob.call('DELETE', `/v1/predictions/${body.id}`)).status).toBe(404)
  expect((await bob.get(`/v1/predictions/${body.id}/events`)).status).toBe(404)
  expect((await bob.get('/v1/predictions')).body.results).toEqual([])
  expect((await ada.get('/v1/predictions')).body.results.length).toBe(1)
  expect((await ada.get(`/v1/predictions/${body.id}`)).status).toBe(200)
})

test('two owners may use the same idempotency key', async () => {
  const [ada, bob] = ['key-of-ada', 'key-of-bob'].map((key) => createClient(guarded.url, { key }))

  const first = await ada?.submit('demo-classifier', input, {}, { 'idempotency-key': 'same' })
  const second = await bob?.submit('demo-classifier', input, {}, { 'idempotency-key': 'same' })

  expect(first?.body.id).not.toBe(second?.body.id)
})

test('the events address works without a key, for its prediction only', async () => {
  const ada = createClient(guarded.url, { key: 'key-of-ada' })
  const { body } = await ada.submit('demo-classifier', input, {}, { prefer: 'wait=10' })
  const other = await ada.submit('demo-classifier', input, {}, { prefer: 'wait=10' })
  const { search } = new URL(body.urls.events)

  const own = await fetch(`${guarded.url}/v1/predictions/${body.id}/events${search}`)
  const foreign = await fetch(`${guarded.url}/v1/predictions/${other.body.id}/events${search}`)
  const noEvents = await fetch(`${guarded.url}/v1/predictions/${body.id}${search}`)
  await own.text()

  expect([own.status, foreign.status, noEvents.status]).toEqual([200, 401, 401])
})
