import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAnswer, sendRaw } from './support/raw-http.ts'
import { createClient } from './support/client.ts'
import { startStack, testModel } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack
let port: number

beforeAll(async () => {
  stack = await startStack({ models: [testModel('slow')] })
  port = Number(new URL(stack.url).port)
})
afterAll(() => stack.close())

const post = (path: string, body: unknown) => {
  const text = JSON.stringify(body)
  const headers = ['Host: localhost', 'Content-Type: application/json', `Content-Length: ${text.length}`]
  return [`POST ${path} HTTP/1.1`, ...headers, '', text].join('\r\n')
}

test('a client that closes its half learns what became of its submit, and of its predict', async () => {
  const submit = post('/v1/models/slow/predictions', { input: { n: [1] } })

  const submitted = parseAnswer(await sendRaw(port, submit, { halfClose: true }))
  const predicted = parseAnswer(
    await sendRaw(port, post('/v1/models/slow/predict', { n: [1] }), { halfClose: true }),
  )

  const { id } = JSON.parse(submitted.body)
  expect([submitted.status, predicted.status]).toEqual([202, 200])
  expect((await stack.client.untilFinal(id)).body).toMatchObject({ status: 'succeeded' })
})

test.each(['/livez', '/readyz', '/health'])(
  'a probe of HTTP/1.0 without a Host is answered at %s',
  async (path) => {
    expect(parseAnswer(await sendRaw(port, `GET ${path} HTTP/1.0\r\n\r\n`)).status).toBe(200)
  },
)

test('an EventSource that has seen the final event is told to stop', async () => {
  const { body } = await stack.client.submit('slow', { n: [1] }, {}, { prefer: 'wait=20' })
  const url = body.urls.events.slice(stack.url.length)
  const stream = await stack.client.get(url)
  const [, last = ''] = /^id: (.*)$/m.exec(stream.text) ?? []

  const again = await stack.client.get(url, { 'last-event-id': last })
  const behind = await stack.client.get(url, { 'last-event-id': 'W/"queued"' })

  expect([again.status, again.text]).toEqual([204, ''])
  expect(behind.status).toBe(200)
  expect(behind.text).toContain(`id: ${last}`)
})

test('links and Location lead to where the API listens, or to where it is published', async () => {
  const onIpv6 = await stack.startApi({ ONQUEUE_HOST: '::1' })
  const published = await stack.startApi({ ONQUEUE_PUBLIC_URL: 'https://ml.example.com/onqueue/' })
  const submitTo = async (url: string) => {
    const { body, headers } = await createClient(url).submit('slow', { n: [1] })
    return { get: body.urls.get, location: headers.get('location'), path: `/v1/predictions/${body.id}` }
  }

  const first = await submitTo(onIpv6.url)
  const second = await submitTo(published.url)

  expect(first.get).toBe(`${onIpv6.url}${first.path}`)
  expect(onIpv6.url).toMatch(/^http:\/\/\[::1\]:\d+$/)
  expect(second.get).toBe(`https://ml.example.com/onqueue${second.path}`)
  expect([first.location, second.location]).toEqual([first.path, `/onqueue${second.path}`])
})

test('a limit that is none is told what it takes', async () => {
  const of = async (query: string) => (await stack.client.get(`/v1/predictions?limit=${query}`)).body.detail

  for (const limit of ['abc', '0', '101', '1.5', '', '1e1', '0x10', '-1'])
    expect(await of(limit)).toBe("the query can't be used: limit: takes a whole number from 1 to 100")
  for (const limit of ['1', '100']) expect(await of(limit)).toBeUndefined()
})

test('a query parameter that is none is refused, for a filter that is misspelt shows everything', async () => {
  const { status, body } = await stack.client.get('/v1/predictions?statuss=failed')
  const deliveries = await stack.client.get('/v1/deliveries?owner=me')

  expect([status, body.detail]).toEqual([400, "the query can't be used: statuss: is not a field here"])
  expect(deliveries.status).toBe(400)
})

test.each([
  ['POST', '/v1/models/slow/predictions?version=2', 'version: is not a parameter here; this path takes wait'],
  [
    'POST',
    '/v1/models/slow/predict?versoin=2',
    'versoin: is not a parameter here; this path takes version and wait',
  ],
  ['POST', '/v1/models/slow/predictions?wait=10s', 'wait: takes seconds, such as 10'],
  ['GET', '/v1/predictions/slow-1?wait=abc', 'wait: takes seconds, such as 10'],
  ['GET', '/v1/models?status=ready', 'status: is not a parameter here; this path takes none'],
])('%s %s is told what it takes, for nothing would be done of it', async (method, path, what) => {
  const { status, body } = await stack.client.call(method, path, method === 'POST' ? '{"n":[1]}' : undefined)

  expect([status, body.detail]).toEqual([400, `the query can't be used: ${what}`])
})

test.each(['GET', 'DELETE', 'PUT'])('%s of what takes POST alone says so', async (method) => {
  const { status, headers } = await stack.client.call(method, '/v1/deliveries/redeliver')

  expect([status, headers.get('allow')]).toEqual([405, 'POST'])
})

test('what Allow names is taken', async () => {
  const { headers } = await stack.client.call('PATCH', '/v1/models')
  const head = await fetch(`${stack.url}/v1/models`, { method: 'HEAD' })

  expect(headers.get('allow')).toBe('GET, HEAD')
  expect([head.status, await head.text()]).toEqual([200, ''])
})

test('pages and connections are let in as far as settings say', async () => {
  const api = await stack.startApi({
    ONQUEUE_CORS_ORIGINS: 'https://app.example.com',
    ONQUEUE_CONNECTIONS_PER_ADDRESS: '1',
  })
  const apiPort = Number(new URL(api.url).port)
  const get = async (address: number, page: string) =>
    parseAnswer(
      await sendRaw(
        address,
        `GET /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: ${page}\r\nConnection: close\r\n\r\n`,
      ),
    )

  const known = await get(apiPort, 'https://app.example.com')
  const unknown = await get(apiPort, 'https://other.example.com')
  const byDefault = await get(port, 'https://app.example.com')
  const held = connect(apiPort, '127.0.0.1')
  await once(held, 'connect')
  const second = await get(apiPort, 'https://app.example.com')
  held.destroy()

  expect(known.head).toMatch(/^access-control-allow-origin: https:\/\/app\.example\.com$/im)
  expect([known.status, unknown.status, byDefault.status, second.status]).toEqual([200, 403, 403, 429])
})
