import { OpenAPIHono, createRoute, z } from '@hono/zod-openapi'
import { AppError, httpStatusOf } from '@onqueue/shared'
import { HTTPException } from 'hono/http-exception'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createAuth } from '../access/auth.ts'
import type { ApiEnvironment } from './api-environment.ts'
import { createApp } from './app.ts'
import { createJsonReader } from './bodies/json-body.ts'
import { dialectWith } from './dialect.fixture.ts'
import { createDialectFinder } from './dialect.ts'

const routesThatThrow = (thrown: unknown) => {
  const routes = new OpenAPIHono<ApiEnvironment>()
  routes.get('/throws', () => {
    throw thrown
  })
  routes.post('/throws', (c) => c.text('ok'))
  routes.openapi(
    createRoute({
      method: 'get',
      path: '/query',
      request: { query: z.object({ limit: z.coerce.number().max(100) }) },
      responses: { 200: { description: 'ok' } },
    }),
    (c) => c.text('ok'),
  )
  return routes
}

const responseTo = async (
  path: string,
  { thrown, method = 'GET' }: { thrown?: unknown; method?: string } = {},
) => {
  const pass = async (_c: unknown, next: () => Promise<void>) => next()
  const app = createApp({
    log: pino({ level: 'silent' }),
    dialectOf: () => dialectWith(),
    countRequest: pass,
    loopbackGuard: pass,
    auth: pass,
  })
  app.route('/', routesThatThrow(thrown))
  const response = await app.request(path, { method, headers: { 'X-Request-Id': 'req-1' } })
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

test('a full Redis is 429', async () => {
  const thrown = new Error("OOM command not allowed when used memory > 'maxmemory'.")

  expect(await responseTo('/throws', { thrown })).toMatchObject({
    status: 429,
    body: { code: 'memory_full' },
  })
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

test('another method of a known path is 405 and says which there are', async () => {
  const { status, headers, body } = await responseTo('/throws', { method: 'DELETE' })

  expect(status).toBe(405)
  expect(headers.get('allow')).toBe('GET, POST')
  expect(body).toMatchObject({ code: 'method_not_allowed' })
})

/** A server that speaks a second dialect below `/infer/`: another envelope, another scheme, bodies without a type. */
const startTwoDialects = () => {
  const readJsonBody = createJsonReader({ limitBytes: 20, isJson: () => true })
  const inferRoutes = new OpenAPIHono<ApiEnvironment>()
  inferRoutes.get('/infer/ready', (c) => c.json({}))
  inferRoutes.get('/infer/broken', () => {
    throw new Error('the password is secret')
  })
  inferRoutes.post('/infer/echo', async (c) => c.json({ owner: c.var.owner, got: await readJsonBody(c) }))
  const infer = dialectWith({
    routes: inferRoutes,
    ownsPath: (path) => path === '/infer' || path.startsWith('/infer/'),
    isOpen: (path) => path === '/infer/ready',
    toErrorResponse: (c, err) => c.json({ error: err.message }, httpStatusOf[err.code], err.headers),
    readKey: (request) => request.header('x-key') ?? '',
  })
  const native = dialectWith({ routes: routesThatThrow(new Error('broken')) })
  const dialectOf = createDialectFinder([native, infer])
  const pass = async (_c: unknown, next: () => Promise<void>) => next()
  const app = createApp({
    log: pino({ level: 'silent' }),
    dialectOf,
    countRequest: pass,
    loopbackGuard: pass,
    auth: createAuth({
      keys: { isKeyNeeded: () => true, findOwner: (key) => (key === 'right' ? 'billing' : undefined) },
      dialectOf,
      isOpen: infer.isOpen,
    }),
  })
  for (const { routes } of [native, infer]) app.route('/', routes)
  const key = { 'X-Key': 'right' }
  const bearer = { Authorization: 'Bearer right' }
  return { app, key, bearer }
}

test.each([
  ['GET', '/infer/ready', false, 200, {}],
  ['POST', '/infer/echo', false, 401, expect.stringContaining('API key')],
  ['GET', '/infer/nothing', true, 404, expect.stringContaining('nothing at this path')],
  ['GET', '/infer', true, 404, expect.stringContaining('nothing at this path')],
  ['DELETE', '/infer/echo', true, 405, 'DELETE does nothing at this path; it takes POST'],
  ['GET', '/infer/broken', true, 500, expect.stringContaining('request id')],
] as const)(
  '%s %s of another dialect (with its key: %s) is answered in its words: %i',
  async (...expected) => {
    const [method, path, hasKey, status, error] = expected
    const { app, key } = startTwoDialects()

    const response = await app.request(path, { method, headers: hasKey ? key : {} })

    expect(response.status).toBe(status)
    expect(response.headers.get('x-request-id')).toMatch(/./)
    expect(await response.json()).toEqual(status === 200 ? {} : { error })
  },
)

test.each([
  ['GET', '/v1/models', false, 401, 'unauthorized'],
  ['GET', '/v1/nothing', true, 404, 'not_found'],
  ['GET', '/inference', true, 404, 'not_found'],
  ['DELETE', '/throws', true, 405, 'method_not_allowed'],
  ['GET', '/throws', true, 500, 'internal_error'],
] as const)('%s %s beside another dialect stays a problem document: %i', async (...expected) => {
  const [method, path, hasKey, status, code] = expected
  const { app, bearer } = startTwoDialects()

  const response = await app.request(path, { method, headers: hasKey ? bearer : {} })

  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({ code })
})

test('a dialect reads bodies and keys by its own rules', async () => {
  const { app, key } = startTwoDialects()
  const post = async (body: string) => {
    const response = await app.request('/infer/echo', {
      method: 'POST',
      headers: key,
      body: new Blob([body]),
    })
    return { status: response.status, body: await response.json() }
  }

  expect(await post('{"a":1}')).toEqual({ status: 200, body: { owner: 'billing', got: { a: 1 } } })
  expect(await post('{')).toMatchObject({ status: 400, body: { error: expect.stringContaining('not JSON') } })
  expect(await post(`"${'a'.repeat(20)}"`)).toMatchObject({
    status: 413,
    body: { error: expect.stringContaining('larger than 20 bytes') },
  })
})
