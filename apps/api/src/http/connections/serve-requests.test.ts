import { once } from 'node:events'
import { connect } from 'node:net'
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { parseAnswer, sendRaw } from '../../../../../tests/support/raw-http.ts'
import { serveForTest } from './serve-requests.fixture.ts'

const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`

/** An app whose answer to `/held` comes when the test lets it, and which tells of callers that left. */
const holdingApp = () => {
  const held = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  const app = new Hono<{ Bindings: HttpBindings }>()
    .onError((_err, c) => c.text('', 500))
    .get('/now', (c) => c.text('now'))
    .post('/echo', async (c) => c.text(await c.req.text()))
    .get('/held', async (c) => {
      c.req.raw.signal.addEventListener('abort', () => left.resolve())
      asked.resolve()
      await held.promise
      return c.text('held')
    })
    .get('/events', (c) => {
      c.req.raw.signal.addEventListener('abort', () => left.resolve())
      const events = new ReadableStream<Uint8Array>({
        start: async (controller) => {
          controller.enqueue(Buffer.from('data: 1\n\n'))
          asked.resolve()
          await held.promise
          controller.enqueue(Buffer.from('data: 2\n\n'))
          controller.close()
        },
      })
      c.env.outgoing.setHeader('Content-Type', 'text/event-stream')
      return c.body(events, 200, { 'Content-Type': 'text/event-stream' })
    })
  return { app, letGo: held.resolve, untilAsked: asked.promise, untilLeft: left.promise }
}

test('a client that closes its half after its request has its answer', async () => {
  const { app, letGo } = holdingApp()
  const { server, port } = await serveForTest(app)
  server.on('connection', (socket) => socket.on('end', letGo))

  expect(await sendRaw(port, get('/held'), { halfClose: true })).toMatch(/^HTTP\/1\.1 200 .*held$/s)
})

test('so it has after two requests in one go, and with HTTP/1.0', async () => {
  const { app, letGo } = holdingApp()
  const { server, port } = await serveForTest(app)
  server.on('connection', (socket) => socket.on('end', letGo))
  const echo = 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nback'

  const two = await sendRaw(port, get('/held') + echo, { halfClose: true })
  const old = await sendRaw(port, get('/held').replace('1.1', '1.0'), { halfClose: true })

  expect(two.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
  expect(two).toMatch(/held.*back$/s)
  expect(parseAnswer(old)).toMatchObject({ status: 200, body: 'held' })
})

test('so it has when it waits: it is asked whether it is there, and what asks is no answer', async () => {
  const { app, letGo } = holdingApp()
  const { port } = await serveForTest(app)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(get('/held'))
  const [interim] = await once(socket, 'data')

  letGo()

  let rest = ''
  for await (const data of socket) rest += String(data)
  expect(String(interim)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  expect(parseAnswer(rest)).toMatchObject({ status: 200, body: 'held' })
})

test('so it has of a stream of events', async () => {
  const { app, letGo } = holdingApp()
  const { port } = await serveForTest(app)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(get('/events'))
  let received = ''
  for await (const data of socket) {
    received += String(data)
    if (received.includes(': still here\n\n')) letGo()
  }

  expect(received).toMatch(/data: 1\n\n.*: still here\n\n.*data: 2\n\n/s)
})

test.each(['/held', '/events'])('a caller of %s who left is noticed', async (path) => {
  const { app, untilAsked, untilLeft } = holdingApp()
  const { port } = await serveForTest(app)
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined).write(get(path))
  await untilAsked

  socket.end().destroy()

  await expect(untilLeft).resolves.toBeUndefined()
})

test('a caller of HTTP/1.0 who left is noticed too', async () => {
  const { app, untilAsked, untilLeft } = holdingApp()
  const { port } = await serveForTest(app)
  const socket = connect({ port, host: '127.0.0.1' })
  socket.write(get('/held').replace('1.1', '1.0'))
  await untilAsked

  socket.end().destroy()

  await expect(untilLeft).resolves.toBeUndefined()
})

test('HTTP/1.0 needs no Host, HTTP/1.1 does', async () => {
  const { port } = await serveForTest(holdingApp().app)

  const old = parseAnswer(await sendRaw(port, 'GET /now HTTP/1.0\r\n\r\n'))
  const withHost = parseAnswer(await sendRaw(port, 'GET /now HTTP/1.0\r\nHost: ml.example\r\n\r\n'))
  const later = parseAnswer(await sendRaw(port, 'GET /now HTTP/1.1\r\n\r\n'))

  expect(old).toMatchObject({ status: 200, body: 'now' })
  expect(withHost).toMatchObject({ status: 200, body: 'now' })
  expect(later).toMatchObject({ status: 400, body: expect.stringContaining('asks for a Host header') })
})

const refused: [what: string, request: string, status: number, code: string, says: string][] = [
  ['no HTTP', 'hello\r\n\r\n', 400, 'invalid_request', 'not HTTP/1.1'],
  ['an unknown method', get('/now').replace('GET', 'GRAB'), 400, 'invalid_request', 'method'],
  ['a header that is none', get('/now', 'a b: c\r\n'), 400, 'invalid_request', 'not HTTP/1.1'],
  [
    'two lengths',
    get('/now', 'Content-Length: 1\r\nContent-Length: 2\r\n'),
    400,
    'invalid_request',
    'Duplicate Content-Length',
  ],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'invalid_request', 'no HTTP/2'],
  ['long headers', get('/now', `A: ${'a'.repeat(17_000)}\r\n`), 431, 'headers_too_large', '16 KB'],
  ['a long address', get(`/${'a'.repeat(17_000)}`), 431, 'headers_too_large', '16 KB'],
  ['an unknown expectation', get('/now', 'Expect: luck\r\n'), 417, 'expectation_failed', '100-continue only'],
  ['a tunnel', 'CONNECT db:5432 HTTP/1.1\r\nHost: db\r\n\r\n', 405, 'method_not_allowed', 'no proxy'],
  ['a Host that is none', 'GET /now HTTP/1.1\r\nHost: a b\r\n\r\n', 400, 'invalid_request', 'Host header'],
  ['the address *', get('*'), 400, 'invalid_request', "can't be read"],
  ['a backslash in the address', get('/v1\\models'), 400, 'invalid_request', "can't be read"],
]

test.each(refused)('%s is refused with a problem document', async (_what, request, status, code, says) => {
  const { port } = await serveForTest(holdingApp().app)

  const answer = parseAnswer(await sendRaw(port, request, { halfClose: true }))

  expect(answer.status).toBe(status)
  expect(answer.head).toMatch(/^content-type: application\/problem\+json$/im)
  const { request_id: id, ...problem } = JSON.parse(answer.body)
  expect(problem).toMatchObject({ status, code, detail: expect.stringContaining(says) })
  expect(answer.head).toMatch(new RegExp(`^x-request-id: ${id}$`, 'im'))
})

test('what ends before it is whole is refused', async () => {
  const { port } = await serveForTest(holdingApp().app)
  const cut = 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nback'

  const answer = parseAnswer(await sendRaw(port, cut, { halfClose: true }))

  expect(answer).toMatchObject({ status: 400, body: expect.stringContaining('before the request was whole') })
})

test('a request that does not arrive in time is refused', async () => {
  const { server, port } = await serveForTest(holdingApp().app)
  const socket = connect({ port, host: '127.0.0.1' })
  const [received] = await once(server, 'connection')

  // as Node does when its time is over
  server.emit('clientError', Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), received)

  const [answer] = await once(socket, 'data')
  expect(parseAnswer(String(answer))).toMatchObject({
    status: 408,
    body: expect.stringContaining('request_timeout'),
  })
})

test('an answer that is due comes before the refusal of what follows', async () => {
  const { app, letGo, untilAsked } = holdingApp()
  const { port } = await serveForTest(app)

  const answers = sendRaw(port, `${get('/held')}hello\r\n\r\n`)
  await untilAsked
  letGo()

  expect(await answers).toMatch(/^HTTP\/1\.1 200 .*held.*HTTP\/1\.1 400 /s)
})

test('what is just short enough passes, in few headers or in many', async () => {
  const { port } = await serveForTest(holdingApp().app)
  const one = `A: ${'a'.repeat(15_500)}\r\n`
  const many = `${Array.from({ length: 2500 }, () => 'a:').join('\r\n')}\r\nExpect: 100-continue\r\n`

  expect(parseAnswer(await sendRaw(port, get('/now', one), { halfClose: true })).status).toBe(200)
  const expecting = await sendRaw(port, get('/now', many), { halfClose: true })
  expect(expecting).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/)
})
