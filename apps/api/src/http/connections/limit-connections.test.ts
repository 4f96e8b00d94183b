import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Hono } from 'hono'
import { expect, onTestFinished, test } from 'vitest'
import { parseAnswer, sendRaw } from '../../../../../tests/support/raw-http.ts'
import { serveForTest } from './serve-requests.fixture.ts'

const get = (path: string, headers = '') =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`

const serveLimited = async (options: { connectionsPerAddress: number; trustedProxies?: string[] }) => {
  const held = Promise.withResolvers<void>()
  let refused = 0
  const app = new Hono()
    .get('/now', (c) => c.text('now'))
    .get('/held', async (c) => {
      await held.promise
      return c.text('held')
    })
  const { server, port } = await serveForTest(app, { ...options, onConnectionRefused: () => (refused += 1) })
  const open = async (localAddress = '127.0.0.1') => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    onTestFinished(() => void socket.destroy())
    const [seen]: Socket[] = await once(server, 'connection')
    return { socket, seen }
  }
  /** Sends a request through a connection of its own, and resolves when the app, or the limit, has it. */
  const send = async (text: string) => {
    const { socket } = await open()
    const arrived = once(server, 'request')
    socket.write(text)
    await arrived
    return socket
  }
  return { server, port, open, send, letGo: held.resolve, countRefused: () => refused }
}

test('an address may have as many connections as the limit says, and the next is told so', async () => {
  const { port, open, countRefused } = await serveLimited({ connectionsPerAddress: 3 })
  await open()
  await open()

  const third = parseAnswer(await sendRaw(port, get('/now')))
  await open()
  const fourth = parseAnswer(await sendRaw(port, get('/now')))

  expect(third).toMatchObject({ status: 200, body: 'now' })
  expect(fourth.status).toBe(429)
  expect(fourth.head).toMatch(/^retry-after: 1$/im)
  expect(JSON.parse(fourth.body)).toMatchObject({ code: 'too_many_connections' })
  expect(countRefused()).toBe(1)
})

test('what one address holds open is no concern of another', async () => {
  const { port, open } = await serveLimited({ connectionsPerAddress: 1 })

  await open('127.0.0.2')

  expect(parseAnswer(await sendRaw(port, get('/now'))).status).toBe(200)
})

test('a connection that closes makes room', async () => {
  const { port, open } = await serveLimited({ connectionsPerAddress: 1 })
  const { socket, seen } = await open()
  const closed = once(seen ?? socket, 'close')

  socket.destroy()
  await closed

  expect(parseAnswer(await sendRaw(port, get('/now'))).status).toBe(200)
})

test('one too many that says nothing is closed', async () => {
  const { open } = await serveLimited({ connectionsPerAddress: 1 })
  await open()

  const { socket } = await open()

  await expect(once(socket, 'close')).resolves.toBeDefined()
})

const behindProxy = { connectionsPerAddress: 2, trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] }
const from = (addresses: string) => `X-Forwarded-For: ${addresses}\r\n`

test('behind a trusted proxy requests under way count, for the address that it names', async () => {
  const { port, send, letGo } = await serveLimited(behindProxy)
  const held = await send(get('/held', from('192.0.2.1')))
  await send(get('/held', from('192.0.2.1')))

  const more = parseAnswer(await sendRaw(port, get('/now', from('192.0.2.1'))))
  const other = parseAnswer(await sendRaw(port, get('/now', from('192.0.2.2'))))
  letGo()
  await once(held.resume(), 'close')
  const after = parseAnswer(await sendRaw(port, get('/now', from('192.0.2.1'))))

  expect([more.status, other.status, after.status]).toEqual([429, 200, 200])
})

test.each([
  ['what a caller wrote itself does not count', '203.0.113.9, 192.0.2.1', '192.0.2.1'],
  ['further trusted proxies are passed over', '192.0.2.1, 10.1.2.3', '192.0.2.1'],
  ['ports are no part of an address', '192.0.2.1:4711', '192.0.2.1'],
  ['neither are brackets', '[2001:db8::1]:4711', '2001:db8::1'],
  ['a subscriber has 64 bits of IPv6 addresses', '2001:db8::1', '2001:db8::ffff:1'],
  ['IPv4 in IPv6 is IPv4', '::ffff:192.0.2.1', '192.0.2.1'],
])('behind a trusted proxy %s: %s is %s', async (_what, written, meant) => {
  const { port, send } = await serveLimited(behindProxy)
  await send(get('/held', from(written)))
  await send(get('/held', from(meant)))

  expect(parseAnswer(await sendRaw(port, get('/now', from(meant)))).status).toBe(429)
})

test.each([
  ['another network of 64 bits', '2001:db8:0:1::1', '2001:db8:0:2::1'],
  ['no address at all', 'unknown', '192.0.2.1'],
])('behind a trusted proxy %s is somebody else: %s and %s', async (_what, one, other) => {
  const { port, send } = await serveLimited(behindProxy)
  await send(get('/held', from(one)))
  await send(get('/held', from(one)))

  expect(parseAnswer(await sendRaw(port, get('/now', from(other)))).status).toBe(200)
})

test('who is no trusted proxy is not believed', async () => {
  const { port, open } = await serveLimited({ connectionsPerAddress: 1, trustedProxies: ['10.0.0.0/8'] })
  await open()

  expect(parseAnswer(await sendRaw(port, get('/now', from('192.0.2.1')))).status).toBe(429)
})

test('0 bounds none', async () => {
  const { port, open } = await serveLimited({ connectionsPerAddress: 0 })
  await open()

  expect(parseAnswer(await sendRaw(port, get('/now'))).status).toBe(200)
})
