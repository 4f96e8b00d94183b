import { OpenAPIHono, createRoute, z } from '@hono/zod-openapi'
import { AppError, httpStatusOf } from '@onqueue/shared'
import { HTTPException } from 'hono/http-exception'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createAuth } from '../access/auth.ts'
import { createLoopbackGuard } from '../access/loopback-guard.ts'
import type { ApiEnvironment } from './api-environment.ts'
import { createApp } from './app.ts'
import { createShortReader } from './bodies/json-body.ts'
import { parseBody } from './bodies/parse-body.ts'
import { dialectWith } from './dialect.fixture.ts'
import { createDialectFinder } from './dialect.ts'

const routesThatThrow = (thrown: unknown) => {
  const routes = new OpenAPIHono<ApiEnvironment>()
  routes.get('/throws', () => {
    throw thrown
  })
  routes.post('/throws', (c) => c.text('ok'))
  routes.openapi(limitedRoute('/query'), (c) => c.text('ok'))
  return routes
}

const limitedRoute = (path: string) =>
  createRoute({
    method: 'get',
    path,
    request: { query: z.object({ limit: z.coerce.number().max(100) }) },
    responses: { 200: { description: 'ok' } },
  })

const responseTo = async (
  path: string,
  {
    thrown,
    method = 'GET',
    publicUrl = 'http://127.0.0.1:8080',
    corsOrigins = [],
    headers: sent = {},
  }: {
    thrown?: unknown
    method?: string
    publicUrl?: string
    corsOrigins?: string[]
    headers?: Record<string, string>
  } = {},
) => {
  const { app } = createApp({
    log: pino({ level: 'silent' }),
    dialectOf: () => dialectWith(),
    countRequest: () => undefined,
    publicUrl,
    corsOrigins,
    loopbackGuard: () => undefined,
    findCaller: () => ({ owner: 'anonymous', keyId: null }),
  })
  app.route('/', routesThatThrow(thrown))
  const response = await app.request(path, { method, headers: { 'X-Request-Id': 'req-1', ...sent } })
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('x-request-id')).toBe('req-1')
  return { status: response.status, headers: response.headers, body: await response.json() }
}

test('an AppError becomes a problem document with its status, places and headers', async () => {
  const thrown = new AppError('backlog_full', 'too much is waiting', {
    retryAfterSeconds: 7,
    places: [{ pointer: '/input', detail: 'is long' }],
    headers: { Location: '/v1/predictions/iris-1' },
    extra: { id: 'iris-1' },
  })

  const { status, headers, body } = await responseTo('/throws', { thrown })

  expect(status).toBe(429)
  expect(headers.get('retry-after')).toBe('7')
  expect(headers.get('location')).toBe('/v1/predictions/iris-1')
  expect(body).toEqual({
    type: 'urn:onqueue:error:backlog_full',
    title: 'Backlog full',
    status: 429,
    detail: 'too much is waiting',
    code: 'backlog_full',
    request_id: 'req-1',
    errors: [{ pointer: '/input', detail: 'is long' }],
    id: 'iris-1',
  })
})

test('an unexpected error tells nothing but the request id', async () => {
  const { status, body } = await responseTo('/throws', { thrown: new Error('the password is secret') })

  expect(status).toBe(500)
  expect(body).toMatchObject({ code: 'internal_error', request_id: 'req-1' })
  expect(JSON.stringify(body)).not.toContain('secret')
})

test('a lost Redis is 503 with Retry-After', async () => {
  const thrown = new Error("Stream isn't writeable and enableOfflineQueue options is false")

  const { status, headers, body } = await responseTo('/throws', { thrown })

  expect(status).toBe(503)
  expect(headers.get('retry-after')).toBe('1')
  expect(body).toMatchObject({ code: 'queue_unavailable' })
})

test('a Redis that refuses is 503 with Retry-After', async () => {
  const thrown = new Error("OOM command not allowed when used memory > 'maxmemory'.")

  const { status, headers, body } = await responseTo('/throws', { thrown })

  expect(status).toBe(503)
  expect(headers.get('retry-after')).toBe('5')
  expect(body).toMatchObject({ code: 'queue_unavailable' })
})

test("Hono's own exceptions keep their status", async () => {
  const thrown = new HTTPException(415, { message: 'Unsupported Media Type' })

  expect(await responseTo('/throws', { thrown })).toMatchObject({
    status: 415,
    body: { code: 'unsupported_media_type', detail: 'Unsupported Media Type' },
  })
})

test('a query that fails its schema is 400 and says which parameter', async () => {
  expect(await responseTo('/query?limit=101')).toMatchObject({
    status: 400,
    body: { code: 'invalid_request', detail: "the query can't be used: limit: expected number to be <=100" },
  })
})

test('a path without a route is 404', async () => {
  expect(await responseTo('/nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } })
})

test('a path that is nearly one is 404 with what was meant', async () => {
  expect(await responseTo('/throw/')).toMatchObject({
    status: 404,
    body: {
      detail:
        'there is nothing at this path; did you mean GET or POST /throws?; GET /docs lists what there is',
    },
  })
})

test('a Location has the path that a proxy puts in front', async () => {
  const thrown = new AppError('wait_over', 'it goes on', { headers: { Location: '/v1/predictions/iris-1' } })

  const { headers } = await responseTo('/throws', { thrown, publicUrl: 'https://ml.example.com/onqueue' })

  expect(headers.get('location')).toBe('/onqueue/v1/predictions/iris-1')
})

test('a page that is let in may read errors too, any other may not', async () => {
  const corsOrigins = ['https://app.example.com']
  const of = async (origin: string) =>
    (await responseTo('/throws', { thrown: new Error('broken'), corsOrigins, headers: { origin } })).headers

  const known = await of('https://app.example.com')
  const unknown = await of('https://other.example.com')
  const off = (await responseTo('/nothing', { headers: { origin: 'https://app.example.com' } })).headers

  expect(known.get('access-control-allow-origin')).toBe('https://app.example.com')
  expect(known.get('access-control-expose-headers')).toContain('Retry-After')
  expect(known.get('vary')).toBe('Origin')
  expect(unknown.get('access-control-allow-origin')).toBeNull()
  expect([off.get('access-control-allow-origin'), off.get('vary')]).toEqual([null, null])
})

test('a browser that asks first for a page that is let in gets its answer before any key', async () => {
  const ask = async (origin: string) => {
    const { app } = createApp({
      log: pino({ level: 'silent' }),
      dialectOf: () => dialectWith(),
      countRequest: () => undefined,
      publicUrl: 'http://127.0.0.1:8080',
      corsOrigins: ['https://app.example.com'],
      loopbackGuard: () => undefined,
      findCaller: () => {
        throw new AppError('unauthorized', 'this needs an API key')
      },
    })
    app.route('/', routesThatThrow(new Error('broken')))
    const wanted = {
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'idempotency-key',
    }
    return app.request('/throws', { method: 'OPTIONS', headers: { Origin: origin, ...wanted } })
  }

  const known = await ask('https://app.example.com')
  const unknown = await ask('https://app.example.com.evil.example')

  expect(known.status).toBe(204)
  expect(known.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
  expect(known.headers.get('access-control-allow-methods')).toBe('GET,HEAD,POST,DELETE')
  expect(known.headers.get('access-control-allow-headers')).toContain('Idempotency-Key')
  expect(known.headers.get('access-control-allow-headers')).toContain('Content-Encoding')
  expect(known.headers.get('access-control-allow-credentials')).toBeNull()
  expect(unknown.headers.get('access-control-allow-origin')).toBeNull()
})

test('another method of a known path is 405 and says which there are', async () => {
  const { status, headers, body } = await responseTo('/throws', { method: 'DELETE' })

  expect(status).toBe(405)
  expect(headers.get('allow')).toBe('GET, HEAD, POST')
  expect(body).toMatchObject({
    code: 'method_not_allowed',
    detail: 'DELETE does nothing at this path; it takes GET, POST',
  })
})

/** A server that speaks a second dialect below `/infer/`: another envelope, another scheme, bodies without a type. */
const startTwoDialects = ({ hasKeys = true }: { hasKeys?: boolean } = {}) => {
  const readShortBody = createShortReader({ limitBytes: 20, isJson: () => true })
  const bodySchema = z.strictObject({ a: z.number() })
  const inferRoutes = new OpenAPIHono<ApiEnvironment>()
  inferRoutes.get('/infer/ready', (c) => c.json({}))
  inferRoutes.get('/infer/broken', () => {
    throw new Error('the password is secret')
  })
  inferRoutes.get('/infer/busy', () => {
    throw new AppError('backlog_full', 'too much is waiting', { retryAfterSeconds: 7 })
  })
  inferRoutes.post('/infer/echo', async (c) =>
    c.json({ owner: c.var.owner, got: parseBody(bodySchema, await readShortBody(c)) }),
  )
  inferRoutes.openapi(limitedRoute('/infer/list'), (c) => c.text('ok'))
  const infer = dialectWith({
    routes: inferRoutes,
    ownsPath: (path) => path === '/infer' || path.startsWith('/infer/'),
    isOpen: (path) => path === '/infer/ready',
    isProbe: (path) => path === '/infer/ready',
    toErrorResponse: (c, err) => c.json({ error: err.message }, httpStatusOf[err.code]),
    readKey: (request) => request.header('x-key') ?? '',
  })
  const native = dialectWith({ routes: routesThatThrow(new Error('broken')) })
  const dialects = [native, infer] as const
  const dialectOf = createDialectFinder(dialects)
  const { app } = createApp({
    log: pino({ level: 'silent' }),
    dialectOf,
    countRequest: () => undefined,
    publicUrl: 'http://127.0.0.1:8080',
    corsOrigins: [],
    loopbackGuard: createLoopbackGuard({
      isActive: () => !hasKeys,
      isProbe: infer.isProbe,
      isPage: () => false,
      publicUrl: 'http://127.0.0.1:8080',
      allowAnonymous: false,
    }),
    findCaller: createAuth({
      keys: { isKeyNeeded: () => hasKeys, findOwner: (key) => (key === 'right' ? 'billing' : undefined) },
      dialectOf,
      isOpen: infer.isOpen,
    }),
  })
  for (const { routes } of dialects) app.route('/', routes)
  return app
}

const inferKey = { 'X-Key': 'right' }
const bearerKey = { Authorization: 'Bearer right' }

test.each([
  ['GET', '/infer/ready', {}, 200, undefined],
  ['POST', '/infer/echo', {}, 401, expect.stringContaining('API key')],
  ['POST', '/infer/echo', bearerKey, 401, expect.stringContaining('API key')],
  ['GET', '/infer/nothing', inferKey, 404, expect.stringContaining('nothing at this path')],
  ['GET', '/infer', inferKey, 404, expect.stringContaining('nothing at this path')],
  ['DELETE', '/infer/echo', inferKey, 405, 'DELETE does nothing at this path; it takes POST'],
  ['GET', '/infer/list?limit=101', inferKey, 400, expect.stringContaining('limit')],
  ['GET', '/infer/broken', inferKey, 500, expect.stringContaining('request id')],
] as const)('%s %s of another dialect with %o is answered in its words: %i', async (...expected) => {
  const [method, path, headers, status, error] = expected
  const app = startTwoDialects()

  const response = await app.request(path, { method, headers })

  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('x-request-id')).toMatch(/./)
  expect(await response.json()).toEqual(error === undefined ? {} : { error })
})

test.each([
  ['GET', '/v1/models', {}, 401, 'unauthorized'],
  ['GET', '/v1/models', inferKey, 401, 'unauthorized'],
  ['GET', '/v1/nothing', bearerKey, 404, 'not_found'],
  ['GET', '/inference', bearerKey, 404, 'not_found'],
  ['DELETE', '/throws', bearerKey, 405, 'method_not_allowed'],
  ['GET', '/query?limit=101', bearerKey, 400, 'invalid_request'],
  ['GET', '/throws', bearerKey, 500, 'internal_error'],
] as const)('%s %s with %o beside another dialect stays a problem document: %i', async (...expected) => {
  const [method, path, headers, status, code] = expected
  const app = startTwoDialects()

  const response = await app.request(path, { method, headers })

  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({ code })
})

test('what the guard refuses is said in the words of the dialect whose path it is', async () => {
  const app = startTwoDialects({ hasKeys: false })
  const get = (path: string) => app.request(path, { headers: { Host: 'evil.example' } })

  const own = await get('/infer/list')
  const other = await get('/query')

  expect(own.status).toBe(403)
  expect(await own.json()).toEqual({ error: expect.stringContaining('the Host of this request is foreign') })
  expect(other.status).toBe(403)
  expect(await other.json()).toMatchObject({ code: 'forbidden' })
  expect((await get('/infer/ready')).status).toBe(200)
})

test('an error has its headers in every dialect', async () => {
  const app = startTwoDialects()

  const busy = await app.request('/infer/busy', { headers: inferKey })
  const wrongMethod = await app.request('/infer/echo', { method: 'DELETE', headers: inferKey })
  const wrongKey = await app.request('/infer/echo', { method: 'POST', headers: { 'X-Key': 'wrong' } })

  expect(busy.status).toBe(429)
  expect(busy.headers.get('retry-after')).toBe('7')
  expect(wrongMethod.headers.get('allow')).toBe('POST')
  expect(wrongKey.headers.get('www-authenticate')).toBe('Bearer realm="onqueue", error="invalid_token"')
})

test('a dialect reads bodies and keys by its own rules', async () => {
  const app = startTwoDialects()
  const post = async (text: string) => {
    // a Blob has no type, so no Content-Type is sent
    const body = new Blob([text])
    const response = await app.request('/infer/echo', { method: 'POST', headers: inferKey, body })
    return { status: response.status, body: await response.json() }
  }

  expect(await post('{"a":1}')).toEqual({ status: 200, body: { owner: 'billing', got: { a: 1 } } })
  expect(await post('{')).toEqual({ status: 400, body: { error: expect.stringContaining('not JSON') } })
  expect(await post('{"a":"b"}')).toEqual({
    status: 422,
    body: { error: "the request can't be used: /a expected number, received string" },
  })
  expect(await post(`"${'a'.repeat(20)}"`)).toEqual({
    status: 413,
    body: { error: 'the body is larger than 20 bytes; send less at once' },
  })
})
