import { OpenAPIHono, createRoute, z } from '@hono/zod-openapi'
import { AppError } from '@onqueue/shared'
import { HTTPException } from 'hono/http-exception'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createApp } from './app.ts'

const responseTo = async (
  path: string,
  { thrown, method = 'GET' }: { thrown?: unknown; method?: string } = {},
) => {
  const pass = async (_c: unknown, next: () => Promise<void>) => next()
  const app = createApp({
    log: pino({ level: 'silent' }),
    countRequest: pass,
    loopbackGuard: pass,
    auth: pass,
    mount: (app) => {
      const routes = new OpenAPIHono()
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
      app.route('/', routes)
    },
  })
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
