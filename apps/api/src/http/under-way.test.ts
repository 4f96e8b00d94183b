import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import type { Server } from 'node:http'
import { expect, test } from 'vitest'
import { UnderWay } from './under-way.ts'

const limits = { bodies: 2, streams: 2, waits: 2, transfers: 2 }

test('a key may have so many open of a kind, and all keys four times as many', () => {
  const underWay = new UnderWay(100, limits)
  const leave = underWay.open('waits', 'a')
  underWay.open('waits', 'a')

  expect(() => underWay.open('waits', 'a')).toThrow(
    expect.objectContaining({ code: 'too_many_open', retryAfterSeconds: 1 }),
  )
  expect(() => underWay.open('streams', 'a')).not.toThrow()
  for (const owner of ['b', 'c', 'd']) for (let count = 0; count < 2; count++) underWay.open('waits', owner)
  expect(() => underWay.open('waits', 'e')).toThrow(expect.objectContaining({ code: 'server_busy' }))
  leave()
  leave()

  expect(() => underWay.open('waits', 'a')).not.toThrow()
  expect(() => underWay.open('waits', 'a')).toThrow(expect.objectContaining({ code: 'too_many_open' }))
})

test('what is reserved counts until it is given back, once', () => {
  const underWay = new UnderWay(100, limits)
  const release = underWay.reserve(60)

  expect(() => underWay.reserve(41)).toThrow(
    expect.objectContaining({ code: 'server_busy', retryAfterSeconds: 1 }),
  )
  expect(() => underWay.refuseBeyond(40)).not.toThrow()
  release()
  release()

  expect(underWay.bytes).toBe(0)
  expect(() => underWay.reserve(100)).not.toThrow()
})

test('what a connection has not taken counts, until it is ended for taking nothing', async () => {
  const underWay = new UnderWay(20_000_000, limits)
  const server = createServer((_request, response) => response.end(Buffer.alloc(16_000_000)))
  underWay.watch(server, { patienceMs: 200 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(portOf(server), '127.0.0.1')
  client.pause()
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const [socket] = await once(server, 'connection')
  await once(server, 'request')

  expect(underWay.bytes).toBeGreaterThan(10_000_000)
  expect(() => underWay.reserve(10_000_000)).toThrow(expect.objectContaining({ code: 'server_busy' }))
  await once(socket, 'close')

  expect(underWay.bytes).toBe(0)
  client.destroy()
  server.close()
})

test('a connection that takes what it is sent is left alone', async () => {
  const underWay = new UnderWay(20_000_000, limits)
  const server = createServer((_request, response) =>
    Readable.from(Array(64).fill(Buffer.alloc(250_000))).pipe(response),
  )
  underWay.watch(server, { patienceMs: 2000 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const response = await fetch(`http://127.0.0.1:${portOf(server)}`)

  expect((await response.arrayBuffer()).byteLength).toBe(16_000_000)
  server.closeAllConnections()
  server.close()
})

const portOf = (server: Server) => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
