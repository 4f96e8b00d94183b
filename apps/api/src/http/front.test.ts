import { createServer } from 'node:http'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createRoute } from '@hono/zod-openapi'
import { getRequestListener } from '@hono/node-server'
import { AppError, StoredJson } from '@onqueue/shared'
import { pino } from 'pino'
import { afterAll, describe, expect, test } from 'vitest'
import { createAuth } from '../access/auth.ts'
import { createLoopbackGuard } from '../access/loopback-guard.ts'
import { jsonAnswer } from './answers/answer-json.ts'
import { createApp } from './app.ts'
import type { CountRequest } from './count-requests.ts'
import { dialectWith } from './dialect.fixture.ts'
import { addHotRoute } from './hot-route.ts'
import type { HotRoute } from './hot-route.ts'
import { headOf } from './request-head.ts'

const describeRoute = (method: 'get' | 'post', path: string) =>
  createRoute({ method, path, responses: { 200: { description: 'ok' } } })

const shown: HotRoute = {
  description: describeRoute('get', '/v1/things/{id}'),
  handle: async (c) => {
    const id = c.req.param('id') ?? ''
    if (id === 'busy')
      throw new AppError('backlog_full', 'too much is waiting', {
        retryAfterSeconds: 7,
        headers: { Location: '/v1/things/busy' },
      })
    if (id === 'broken') throw new Error('the password is secret')
    if (id === 'known') return { status: 304, headers: { ETag: 'W/"known"' }, body: null }
    const stored = new StoredJson(6, async () => Buffer.from('"long"'))
    const output = id === 'stored' ? stored : 'é'
    const asked = headOf(c).header('prefer') ?? null
    return jsonAnswer(c, { id, output, asked, owner: c.get('owner'), keyId: c.get('keyId') }, 200, {
      ETag: 'W/"shown"',
    })
  },
}
const made: HotRoute = {
  description: describeRoute('post', '/v1/things/{id}/parts'),
  handle: async (c) => jsonAnswer(c, { of: c.req.param('id') }, 202, { Location: '/v1/things/1' }),
}

/** A server with two hot routes, as requests find it through the front and as behind the chain alone. */
const start = ({ hasKeys = false, corsOrigins = [] }: { hasKeys?: boolean; corsOrigins?: string[] } = {}) => {
  const counted: Omit<Parameters<CountRequest>[0], 'seconds'>[] = []
  const native = dialectWith({ hotRoutes: [shown, made] })
  for (const hotRoute of [shown, made]) addHotRoute(native.routes, hotRoute)
  native.routes.get('/v1/other', (c) => c.json({ owner: c.get('owner') }))
  const publicUrl = 'http://127.0.0.1:8080/onqueue'
  const { app, fetch } = createApp({
    log: pino({ level: 'silent' }),
    dialectOf: () => native,
    countRequest: ({ method, route, status }) => counted.push({ method, route, status }),
    publicUrl,
    corsOrigins,
    hotRoutes: [shown, made],
    loopbackGuard: createLoopbackGuard({
      isActive: () => !hasKeys,
      isProbe: () => false,
      isPage: () => false,
      publicUrl,
      allowAnonymous: false,
      corsOrigins,
    }),
    findCaller: createAuth({
      keys: { isKeyNeeded: () => hasKeys, findOwner: (key) => (key === 'right' ? 'billing' : undefined) },
      dialectOf: () => native,
      isOpen: () => false,
    }),
  })
  app.route('/', native.routes)
  return { counted, front: fetch, chain: app.fetch }
}

const ids = { 'X-Request-Id': 'req-1' }
const page = 'https://app.example.com'

describe.each(['front', 'chain'] as const)('through the %s', (way) => {
  const ask = async (
    path: string,
    {
      method = 'GET',
      headers = ids,
      ...options
    }: { method?: string; headers?: Record<string, string> } & Parameters<typeof start>[0] = {},
  ) => {
    const server = start(options)
    const response = await server[way](new Request(`http://127.0.0.1:8080${path}`, { method, headers }), {})
    const text = await response.text()
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: text === '' ? null : JSON.parse(text),
      counted: server.counted,
    }
  }

  test('a hot route answers with its headers, the id of the request and its owner', async () => {
    expect(await ask('/v1/things/7', { headers: { ...ids, Prefer: 'wait' } })).toEqual({
      status: 200,
      headers: { 'content-type': 'application/json', etag: 'W/"shown"', 'x-request-id': 'req-1' },
      body: { id: '7', output: 'é', asked: 'wait', owner: 'anonymous', keyId: null },
      counted: [{ method: 'GET', route: '/v1/things/:id', status: 200 }],
    })
    expect(await ask('/v1/things/7/parts', { method: 'POST' })).toMatchObject({
      status: 202,
      headers: { location: '/v1/things/1' },
      body: { of: '7' },
      counted: [{ method: 'POST', route: '/v1/things/:id/parts', status: 202 }],
    })
  })

  test('a request without an id, or with one that is unfit for a log line, is given one', async () => {
    const uuid = /^[\da-f-]{36}$/

    expect((await ask('/v1/things/7', { headers: {} })).headers['x-request-id']).toMatch(uuid)
    expect(
      (await ask('/v1/things/7', { headers: { 'X-Request-Id': 'a b' } })).headers['x-request-id'],
    ).toMatch(uuid)
  })

  test('an error is a problem document with its headers, also one that nobody expects', async () => {
    expect(await ask('/v1/things/busy')).toMatchObject({
      status: 429,
      headers: {
        'content-type': 'application/problem+json',
        'retry-after': '7',
        location: '/onqueue/v1/things/busy',
        'x-request-id': 'req-1',
      },
      body: { code: 'backlog_full', request_id: 'req-1' },
      counted: [{ method: 'GET', route: '/v1/things/:id', status: 429 }],
    })
    const broken = await ask('/v1/things/broken')
    expect(broken).toMatchObject({ status: 500, body: { code: 'internal_error', request_id: 'req-1' } })
    expect(JSON.stringify(broken)).not.toContain('secret')
  })

  test('an answer without a body has its headers, and one of stored parts its length', async () => {
    expect(await ask('/v1/things/known')).toMatchObject({
      status: 304,
      headers: { etag: 'W/"known"', 'x-request-id': 'req-1' },
      body: null,
    })
    expect(await ask('/v1/things/stored')).toMatchObject({
      headers: { 'content-length': expect.any(String), 'content-type': 'application/json' },
      body: { output: 'long' },
    })
  })

  test('HEAD has the headers of GET, and is counted as itself', async () => {
    expect(await ask('/v1/things/7', { method: 'HEAD' })).toMatchObject({
      status: 200,
      headers: { etag: 'W/"shown"', 'x-request-id': 'req-1' },
      body: null,
      counted: [{ method: 'HEAD', route: '/v1/things/:id', status: 200 }],
    })
  })

  test('other methods are 405 and say which there are', async () => {
    expect(await ask('/v1/things/7', { method: 'PUT' })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    })
    expect(await ask('/v1/things/7/parts', { method: 'OPTIONS' })).toMatchObject({
      status: 405,
      headers: { allow: 'POST' },
    })
  })

  test('a foreign page is refused, and counted', async () => {
    expect(await ask('/v1/things/7', { headers: { ...ids, Origin: 'https://evil.example' } })).toMatchObject({
      status: 403,
      body: { code: 'forbidden', request_id: 'req-1' },
      counted: [{ status: 403, route: '/v1/things/:id' }],
    })
  })

  test('with keys the owner is that of the key, and without it there is no way in', async () => {
    const key = await ask('/v1/things/7', { hasKeys: true, headers: { Authorization: 'Bearer right' } })
    const wrong = await ask('/v1/things/7', { hasKeys: true, headers: { Authorization: 'Bearer wrong' } })
    const none = await ask('/v1/things/7', { hasKeys: true })

    expect(key).toMatchObject({ status: 200, body: { owner: 'billing', keyId: expect.any(String) } })
    expect(wrong.headers['www-authenticate']).toBe('Bearer realm="onqueue", error="invalid_token"')
    expect([wrong.status, none.status]).toEqual([401, 401])
  })

  test('a page that is let in may read answers and errors', async () => {
    for (const path of ['/v1/things/7', '/v1/things/busy']) {
      const { headers } = await ask(path, { corsOrigins: [page], headers: { ...ids, Origin: page } })
      expect(headers['access-control-allow-origin']).toBe(page)
      expect(headers['access-control-expose-headers']).toContain('ETag')
      expect(headers).toMatchObject({ vary: 'Origin', 'x-request-id': 'req-1' })
    }
    const none = await ask('/v1/things/7', { corsOrigins: [page] })
    expect(none.headers['vary']).toBe('Origin')
    expect(none.headers['access-control-allow-origin']).toBe(undefined)
  })

  test('what is no hot route is answered too', async () => {
    expect(await ask('/v1/other')).toMatchObject({ status: 200, body: { owner: 'anonymous' } })
    expect(await ask('/v1/nothing')).toMatchObject({
      status: 404,
      body: { code: 'not_found', request_id: 'req-1' },
    })
  })
})

const servers: ReturnType<typeof createServer>[] = []
afterAll(() => servers.map((server) => server.close()))

test('a header that comes twice is read as behind the chain', async () => {
  const send = async (way: 'front' | 'chain', lines: string[]) => {
    const fetch = start({ hasKeys: true })[way]
    const answer = getRequestListener(fetch)
    const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    const address = server.address()
    const socket = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1')
    socket.end(
      ['GET /v1/things/7 HTTP/1.1', 'Host: 127.0.0.1', 'Connection: close', ...lines, '', ''].join('\r\n'),
    )
    const [head = '', body = ''] = Buffer.concat(await socket.toArray())
      .toString()
      .split('\r\n\r\n')
    return { status: head.split(' ')[1], body: JSON.parse(body) }
  }
  const right = 'Authorization: Bearer right'
  const twice = [right, 'Authorization: Bearer wrong', ...Object.entries(ids).map((pair) => pair.join(': '))]
  const joined = [right, 'Prefer: wait', 'Prefer: respond-async']

  expect(await send('front', twice)).toMatchObject({ status: '401' })
  expect(await send('front', twice)).toEqual(await send('chain', twice))
  expect(await send('front', joined)).toMatchObject({ body: { asked: 'wait, respond-async' } })
  expect(await send('front', joined)).toEqual(await send('chain', joined))
})
