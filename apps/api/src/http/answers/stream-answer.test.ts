import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { afterEach, expect, test } from 'vitest'
import type { ApiEnvironment } from '../api-environment.ts'
import { onWritten } from './on-written.ts'
import { streamedBody } from './stream-answer.ts'

let closing = new AsyncDisposableStack()
afterEach(async () => {
  await closing.disposeAsync()
  closing = new AsyncDisposableStack()
})

const listen = async (listener: Parameters<typeof createServer>[1]) => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  closing.defer(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens at no port')
  return address.port
}

const ask = async (port: number) => {
  const [response] = await once(get({ port, host: '127.0.0.1' }), 'response')
  return response
}

test('what is sent is whole, and a few buffers are enough for all of it', async () => {
  const chunks = Array.from({ length: 60 }, (_, index) => 200_000 + index)
  const used = new Set<ArrayBufferLike>()
  const app = new Hono<ApiEnvironment>().get('/', async (c) => {
    const body = await streamedBody(c, async (buffers) => {
      const readAll = async function* () {
        for (const [index, bytes] of chunks.entries()) {
          const chunk = await buffers.fill(async (empty) => empty.fill(index, 0, bytes) && bytes)
          used.add(chunk.buffer)
          yield chunk
        }
      }
      return Readable.from(readAll(), { objectMode: false })
    })
    return c.newResponse(body)
  })
  const answer = getRequestListener(app.fetch)
  const port = await listen((incoming, outgoing) => void answer(incoming, outgoing))

  const sent = await buffer(await ask(port))

  expect(sent.equals(Buffer.concat(chunks.map((bytes, index) => Buffer.alloc(bytes, index))))).toBe(true)
  expect(used.size).toBeLessThan(8)
})

test('a chunk is told when it was written, and not while its reader has not taken it', async () => {
  const large = Buffer.alloc(64 * 1024 * 1024, 7)
  const told: unknown[] = []
  const port = await listen((_, outgoing) => {
    onWritten(outgoing, (chunk) => told.push(chunk))
    outgoing.write(large)
    outgoing.end()
  })

  const response = await ask(port)
  const toldBefore = told.length
  const sent = await buffer(response)

  expect(toldBefore).toBe(0)
  expect(sent.equals(large)).toBe(true)
  expect(told).toHaveLength(1)
  expect(told[0] === large).toBe(true)
})
