import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { deliveryTo, startAttempt, startReceiver, startTcpReceiver } from './http-attempt.fixture.ts'

test('a receiver that never answers is given up after the whole time', async () => {
  const receiver = await startTcpReceiver()

  const result = await startAttempt({ totalTimeoutMs: 50 }).post(deliveryTo(receiver.url))

  expect(result).toMatchObject({ statusCode: null, error: 'no answer within 0.05 s' })
  expect(result.durationMs).toBeGreaterThanOrEqual(49)
})

test('a receiver that drips its headers is given up after the whole time', async () => {
  const receiver = await startTcpReceiver((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nx: ')
    const dripping = setInterval(() => socket.write('a'), 5)
    socket.once('close', () => clearInterval(dripping))
  })

  const result = await startAttempt({ totalTimeoutMs: 300 }).post(deliveryTo(receiver.url))

  expect(result).toMatchObject({ statusCode: null, error: 'no answer within 0.3 s', responseHead: null })
})

test.each([
  [200, null],
  [500, 'the receiver answered 500 (Internal Server Error)'],
])(
  'a receiver that drips its body is left after the whole time, and its %i stands',
  async (status, error) => {
    let isLeft: Promise<unknown> = Promise.resolve()
    const receiver = await startReceiver((_request, response) => {
      response.writeHead(status)
      const dripping = setInterval(() => response.write('a'), 5)
      isLeft = once(response, 'close').then(() => clearInterval(dripping))
    })

    const result = await startAttempt({ totalTimeoutMs: 1000 }).post(deliveryTo(receiver.url))

    expect(result).toMatchObject({ statusCode: status, error, responseHead: expect.stringMatching(/^a+$/) })
    await isLeft
  },
)

test('a DNS that hangs is given up with the connection', async () => {
  const lookup = () => new Promise<LookupAddress[]>(() => {})

  const result = await startAttempt({ lookup, connectTimeoutMs: 20 }).post(deliveryTo('https://hooks.test/'))

  expect(result).toMatchObject({ statusCode: null, error: 'no connection within 0.02 s' })
})

test('TLS that hangs is given up with the connection', async () => {
  const receiver = await startTcpReceiver()

  const result = await startAttempt({ connectTimeoutMs: 1000 }).post(
    deliveryTo(`https://127.0.0.1:${receiver.port}/`),
  )

  expect(result).toMatchObject({ statusCode: null, error: 'no connection within 1 s' })
  expect(receiver.connections()).toBe(1)
})

test('once connected, a slow answer is not a slow connection', async () => {
  const receiver = await startReceiver((_request, response) => {
    setTimeout(() => response.end(), 1500)
  })

  const result = await startAttempt({ connectTimeoutMs: 1000 }).post(deliveryTo(receiver.url))

  expect(result).toMatchObject({ statusCode: 200, error: null })
})
