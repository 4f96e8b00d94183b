import { Hono } from 'hono'
import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import type { ApiEnvironment } from '../api-environment.ts'
import { createJsonReader } from './json-body.ts'

const read = async (init: RequestInit) => {
  const readJsonBody = createJsonReader({ limitBytes: 20 })
  const app = new Hono<ApiEnvironment>()
  app.post('/', async (c) => c.json(await readJsonBody(c)))
  app.onError((err, c) =>
    c.json({ code: err instanceof AppError ? err.code : 'crash', message: err.message }),
  )
  const response = await app.request('/', { method: 'POST', ...init })
  return response.json()
}

const chunked = (...chunks: string[]): RequestInit => ({
  body: ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk))),
  duplex: 'half',
})
const json = { 'Content-Type': 'application/json' }

test.each([
  'application/json',
  'application/json; charset=utf-8',
  'application/json;charset="UTF-8";profile="x"',
  'application/json; charset=utf8',
  'Application/JSON',
  'application/vnd.api+json',
])('a body of type %s is read', async (type) => {
  expect(await read({ body: '{"a":1}', headers: { 'Content-Type': type } })).toEqual({ value: { a: 1 } })
})

test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonl'])(
  'a body of type %s is refused with what to add',
  async (type) => {
    expect(await read({ body: '{}', headers: { 'Content-Type': type } })).toMatchObject({
      code: 'unsupported_media_type',
      message: "the body must be JSON and say so: add -H 'content-type: application/json'",
    })
  },
)

test.each([
  'application/json; charset=iso-8859-1',
  'application/json;charset="UTF-16"',
  'application/vnd.api+json; profile=x; Charset = us-ascii',
  'application/json; charset=utf-8; charset=latin1',
  'application/json; charset=',
])('a body of another charset is refused, as %s', async (type) => {
  expect(await read({ body: '{}', headers: { 'Content-Type': type } })).toMatchObject({
    code: 'unsupported_media_type',
    message:
      'JSON is UTF-8, and this body is said to be of another charset; send it as UTF-8, and say charset=utf-8 or nothing',
  })
})

test('a byte order mark before the body is no part of it', async () => {
  expect(await read({ body: '\ufeff"\ufeffa"', headers: json })).toEqual({ value: '\ufeffa' })
})

test('a body of up to 64 KB is parsed at once, of a longer one the bytes were only looked through', async () => {
  const read = async (length: number) => {
    const app = new Hono<ApiEnvironment>()
    const readJsonBody = createJsonReader({ limitBytes: 100_000 })
    app.post('/', async (c) => c.json(Object.keys(await readJsonBody(c))))
    const body = JSON.stringify('x'.repeat(length - 2))
    return (await app.request('/', { method: 'POST', body, headers: json })).json()
  }

  expect(await read(64 * 1024)).toEqual(['value'])
  expect(await read(64 * 1024 + 1)).toEqual(['bytes', 'release', 'members'])
})

test('a compressed body is refused', async () => {
  expect(await read({ body: '{}', headers: { ...json, 'Content-Encoding': 'gzip' } })).toMatchObject({
    code: 'unsupported_media_type',
  })
})

test('a body that declares to be too long is refused', async () => {
  const body = JSON.stringify('x'.repeat(19))

  expect(await read({ body, headers: { ...json, 'Content-Length': '21' } })).toMatchObject({
    code: 'body_too_large',
    message: 'the body is larger than 20 bytes; send less at once',
  })
})

test('a chunked body is counted as it comes', async () => {
  expect(await read({ ...chunked('{"a":', '"é"}'), headers: json })).toEqual({ value: { a: 'é' } })
  expect(await read({ ...chunked('"1234567890', '1234567890"'), headers: json })).toMatchObject({
    code: 'body_too_large',
  })
})
