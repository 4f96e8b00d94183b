import { Hono } from 'hono'
import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import type { ApiEnvironment } from '../api-environment.ts'
import { UnderWay } from '../under-way.ts'
import { readBytes } from './read-bytes.ts'

const kb = 1024
const limits = { bodies: 2, streams: 2, waits: 2, transfers: 2 }

/** A process in which so much may be under way, and what is when a body was read. */
const open = (limitBytes: number) => {
  const underWay = new UnderWay(limitBytes, limits)
  const app = new Hono<ApiEnvironment>()
  app.post('/', async (c) => {
    c.set('underWay', underWay)
    c.set('owner', 'ops')
    const { bytes, release } = await readBytes(c, 1024 * kb)
    const held = underWay.bytes
    release()
    return c.json({ read: bytes.length, held })
  })
  app.onError((err, c) =>
    c.json(
      err instanceof AppError
        ? { code: err.code, message: err.message, retryAfterSeconds: err.retryAfterSeconds }
        : { code: 'crash', message: err.message },
    ),
  )
  const post = async (body: Uint8Array, headers: Record<string, string> = {}) => {
    const init = {
      method: 'POST',
      body: ReadableStream.from(chunksOf(body)),
      headers,
      duplex: 'half' as const,
    }
    return (await app.request('/', init)).json()
  }
  return {
    underWay,
    postChunked: (length: number) => post(new Uint8Array(length)),
    postDeclared: (length: number) => post(new Uint8Array(length), { 'Content-Length': String(length) }),
  }
}

const chunksOf = (bytes: Uint8Array) =>
  Array.from({ length: Math.ceil(bytes.length / (16 * kb)) }, (_, index) =>
    bytes.subarray(index * 16 * kb, (index + 1) * 16 * kb),
  )

test('a long body has room while it is read, whether it says its length or not, and gives it back', async () => {
  const { underWay, postChunked, postDeclared } = open(200 * kb)

  expect(await postDeclared(200 * kb)).toEqual({ read: 200 * kb, held: 200 * kb })
  expect(await postChunked(200 * kb)).toEqual({ read: 200 * kb, held: 200 * kb })
  expect(underWay.bytes).toBe(0)
})

test('a long body that finds no room is refused for now, and what it had is given back', async () => {
  const { underWay, postChunked, postDeclared } = open(200 * kb)
  underWay.reserve(100 * kb)

  expect(await postDeclared(101 * kb)).toMatchObject({ code: 'server_busy', retryAfterSeconds: 1 })
  expect(await postChunked(101 * kb)).toMatchObject({ code: 'server_busy', retryAfterSeconds: 1 })
  expect(underWay.bytes).toBe(100 * kb)
  expect(await postDeclared(100 * kb)).toMatchObject({ read: 100 * kb })
})

test('a short body that says so is read though there is no room', async () => {
  const { underWay, postDeclared } = open(200 * kb)
  underWay.reserve(200 * kb)

  expect(await postDeclared(64 * kb)).toEqual({ read: 64 * kb, held: 200 * kb })
})

test('a body for which there is never room is refused for good', async () => {
  const { postChunked, postDeclared } = open(200 * kb)

  for (const refused of [await postDeclared(201 * kb), await postChunked(201 * kb)]) {
    expect(refused).toEqual({
      code: 'body_too_large',
      message: `the body is larger than ${200 * kb} bytes; send less at once`,
    })
  }
})

test('more long bodies of a key than it may have at once are refused', async () => {
  const { underWay, postChunked, postDeclared } = open(200 * kb)
  const leave = underWay.open('bodies', 'ops')
  underWay.open('bodies', 'ops')

  expect(await postDeclared(65 * kb)).toMatchObject({ code: 'too_many_open' })
  expect(await postChunked(1)).toMatchObject({ code: 'too_many_open' })
  leave()
  expect(await postDeclared(65 * kb)).toMatchObject({ read: 65 * kb })
})
