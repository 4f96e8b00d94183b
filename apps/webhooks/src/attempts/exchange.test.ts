import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import type { Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { generate } from 'selfsigned'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  answerOf,
  deliveryTo,
  listen,
  playDns,
  startAttempt,
  startReceiver,
  startTcpReceiver,
} from './http-attempt.fixture.ts'

describe('what the receiver answers', () => {
  test.each([
    [201, null],
    [204, null],
    [299, null],
    [400, 'the receiver answered 400 (Bad Request)'],
    [410, 'the receiver answered 410 (Gone)'],
    [500, 'the receiver answered 500 (Internal Server Error)'],
    [599, 'the receiver answered 599'],
  ])('%i is reported as %j', async (statusCode, error) => {
    const receiver = await startReceiver((_request, response) => response.writeHead(statusCode).end())

    expect(await startAttempt().post(deliveryTo(receiver.url))).toMatchObject({ statusCode, error })
  })

  test.each(['120', 'Wed, 21 Oct 2026 07:28:00 GMT', 'soon'])(
    'Retry-After is passed on as it is: %s',
    async (retryAfter) => {
      const receiver = await startReceiver((_request, response) =>
        response.writeHead(503, { 'retry-after': retryAfter }).end('busy'),
      )

      expect(await startAttempt().post(deliveryTo(receiver.url))).toMatchObject({
        statusCode: 503,
        error: 'the receiver answered 503 (Service Unavailable)',
        retryAfter,
        responseHead: 'busy',
      })
    },
  )

  test('early hints are no answer', async () => {
    const receiver = await startReceiver((_request, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' })
      response.writeHead(202).end()
    })

    expect(await startAttempt().post(deliveryTo(receiver.url))).toMatchObject({
      statusCode: 202,
      error: null,
    })
  })

  test('a body without end is read no further than needed', async () => {
    const receiver = await startReceiver((_request, response) => {
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(8192)));
        response.once('drain', pour)
      }
      pour()
    })

    const result = await startAttempt().post(deliveryTo(receiver.url))

    expect(result).toMatchObject({ statusCode: 200, error: null, responseHead: 'x'.repeat(1024) })
  })

  test('the head of the body ends with a whole character', async () => {
    const receiver = await startReceiver((_request, response) => response.end(`a${'é'.repeat(1000)}`))

    const result = await startAttempt().post(deliveryTo(receiver.url))

    expect(result.responseHead).toBe(`a${'é'.repeat(511)}`)
  })

  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', 'the answer is not HTTP (HPE_INVALID_CONSTANT)'],
    [
      'endless headers',
      `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`,
      'the headers of the answer are larger than 16 KiB',
    ],
  ])('%s is an error', async (_what, bytes, error) => {
    const receiver = await startTcpReceiver((socket) => socket.write(bytes))

    expect(await startAttempt().post(deliveryTo(receiver.url))).toMatchObject({ statusCode: null, error })
  })
})

describe('what goes wrong', () => {
  test.each(['destroy', 'resetAndDestroy'] as const)(
    'a body that breaks off (%s) leaves the status standing',
    async (end) => {
      const receiver = await startTcpReceiver((socket) =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc', () => socket[end]()),
      )

      expect(await startAttempt().post(deliveryTo(receiver.url))).toMatchObject({
        statusCode: 200,
        error: null,
      })
    },
  )

  test.each(['destroy', 'resetAndDestroy'] as const)(
    'a connection that is dropped before the answer (%s) is an error, and not tried again',
    async (end) => {
      const receiver = await startTcpReceiver((socket) => socket[end]())

      expect(await startAttempt().post(deliveryTo(receiver.url))).toMatchObject({
        statusCode: null,
        error: 'the receiver dropped the connection before it answered',
      })
      expect(receiver.connections()).toBe(1)
    },
  )

  test('a port where nothing listens is an error', async () => {
    const server = createTcpServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    await new Promise((resolve) => server.close(resolve))

    expect(await startAttempt().post(deliveryTo(`http://127.0.0.1:${port}/`))).toMatchObject({
      statusCode: null,
      error: 'the connection was refused: nothing listens there',
    })
  })
})

describe('connections', () => {
  test('are kept alive and used again', async () => {
    const receiver = await startReceiver()
    const attempt = startAttempt()

    for (let count = 0; count < 5; count++) {
      expect(await attempt.post(deliveryTo(receiver.url))).toMatchObject({ statusCode: 200 })
    }

    expect(receiver.connections()).toBe(1)
  })

  test('used again do not run into the time for connecting', async () => {
    let requests = 0
    const receiver = await startReceiver((_request, response) => {
      requests += 1
      setTimeout(() => response.end(), requests === 1 ? 0 : 1500)
    })
    const attempt = startAttempt({ connectTimeoutMs: 1000 })

    await attempt.post(deliveryTo(receiver.url))
    const result = await attempt.post(deliveryTo(receiver.url))

    expect(result).toMatchObject({ statusCode: 200, error: null })
    expect(receiver.connections()).toBe(1)
  })

  test.each(['destroy', 'resetAndDestroy'] as const)(
    'that the receiver closed meanwhile (%s) are replaced by a new one, once',
    async (end) => {
      const requestsOn = new Map<number, number>()
      const receiver = await startTcpReceiver((socket, connection) => {
        const count = (requestsOn.get(connection) ?? 0) + 1
        requestsOn.set(connection, count)
        if (connection === 1 && count === 2) socket[end]()
        else socket.write(answerOf('200 OK', `connection ${connection}`))
      })
      const attempt = startAttempt()

      await attempt.post(deliveryTo(receiver.url))
      const result = await attempt.post(deliveryTo(receiver.url))

      expect(result).toMatchObject({ statusCode: 200, error: null, responseHead: 'connection 2' })
      expect(receiver.connections()).toBe(2)
    },
  )

  test('are replaced by a new one even where another idle one is left, which may be as stale', async () => {
    const requestsOn = new Map<number, number>()
    const bothArrived = Promise.withResolvers<void>()
    const receiver = await startTcpReceiver((socket, connection) => {
      const count = (requestsOn.get(connection) ?? 0) + 1
      requestsOn.set(connection, count)
      if (connection === 2) bothArrived.resolve()
      if (connection <= 2 && count === 2) socket.destroy()
      else void bothArrived.promise.then(() => socket.write(answerOf('200 OK', `connection ${connection}`)))
    })
    const attempt = startAttempt()

    await Promise.all([attempt.post(deliveryTo(receiver.url)), attempt.post(deliveryTo(receiver.url))])
    const result = await attempt.post(deliveryTo(receiver.url))

    expect(result).toMatchObject({ statusCode: 200, error: null, responseHead: 'connection 3' })
  })

  test('are not replaced a second time', async () => {
    let requests = 0
    const receiver = await startTcpReceiver((socket) => {
      requests += 1
      if (requests === 1) socket.write(answerOf('200 OK'))
      else socket.destroy()
    })
    const attempt = startAttempt()

    await attempt.post(deliveryTo(receiver.url))
    const result = await attempt.post(deliveryTo(receiver.url))

    expect(result).toMatchObject({
      statusCode: null,
      error: 'the receiver dropped the connection before it answered',
    })
    expect([receiver.connections(), requests]).toEqual([2, 3])
  })

  test('that broke off within an answer are not replaced, as the receiver has the delivery', async () => {
    let requests = 0
    const receiver = await startTcpReceiver((socket) => {
      requests += 1
      if (requests === 1) socket.write(answerOf('200 OK'))
      else socket.write('HTTP/1.1 2', () => socket.destroy())
    })
    const attempt = startAttempt()

    await attempt.post(deliveryTo(receiver.url))
    const result = await attempt.post(deliveryTo(receiver.url))

    expect(result).toMatchObject({ statusCode: null })
    expect([receiver.connections(), requests]).toEqual([1, 2])
  })

  test('that time out are not replaced', async () => {
    let requests = 0
    const receiver = await startTcpReceiver((socket) => {
      requests += 1
      if (requests === 1) socket.write(answerOf('200 OK'))
    })
    const attempt = startAttempt({ totalTimeoutMs: 1000 })

    await attempt.post(deliveryTo(receiver.url))
    const result = await attempt.post(deliveryTo(receiver.url))

    expect(result).toMatchObject({ statusCode: null, error: 'no answer within 1 s' })
    expect([receiver.connections(), requests]).toEqual([1, 2])
  })

  test('are ended by close, and attempts under way are given up', async () => {
    const arrived = Promise.withResolvers<Socket>()
    const receiver = await startTcpReceiver((socket) => arrived.resolve(socket))
    const idle = await startReceiver()
    const attempt = startAttempt()
    await attempt.post(deliveryTo(idle.url))

    const posting = attempt.post(deliveryTo(receiver.url))
    const socket = await arrived.promise
    const isClosed = once(socket, 'close')
    attempt.close()
    attempt.close()

    expect(await posting).toMatchObject({
      statusCode: null,
      error: 'the server shut down before the receiver answered',
    })
    await isClosed
  })
})

describe('over TLS', () => {
  const before = getCACertificates('default')
  beforeEach(() => setDefaultCACertificates([certificate]))
  afterEach(() => setDefaultCACertificates(before))

  /** Takes up no TLS on connections after `maxConnections`. */
  const startTlsReceiver = async ({ maxConnections = Infinity } = {}) => {
    const names: unknown[] = []
    let isDropping = false
    const tls = createHttpsServer({ key, cert: certificate }, (request, response) => {
      if (isDropping) request.socket.destroy()
      else response.end('ok')
      isDropping = false
    })
    tls.on('secureConnection', (socket) => names.push(socket.servername))
    let connections = 0
    const server = createTcpServer((socket) => {
      connections += 1
      if (connections <= maxConnections) tls.emit('connection', socket)
    })
    const { port } = await listen(server)
    const dropNext = () => {
      isDropping = true
    }
    return { port, names, dropNext, connections: () => connections }
  }
  const { lookup } = playDns(['127.0.0.1'])

  test.each(['hooks.test', 'hooks.test.'])('a name is checked against the certificate: %s', async (host) => {
    const receiver = await startTlsReceiver()

    const result = await startAttempt({ lookup }).post(deliveryTo(`https://${host}:${receiver.port}/`))

    expect(result).toMatchObject({ statusCode: 200, error: null })
    expect(receiver.names).toEqual(['hooks.test'])
  })

  test('connections are kept alive, and replaced when they are stale', async () => {
    const receiver = await startTlsReceiver()
    const attempt = startAttempt({ lookup })
    const delivery = deliveryTo(`https://hooks.test:${receiver.port}/`)

    await attempt.post(delivery)
    await attempt.post(delivery)
    expect(receiver.connections()).toBe(1)

    receiver.dropNext()
    expect(await attempt.post(delivery)).toMatchObject({ statusCode: 200, error: null })
    expect(receiver.connections()).toBe(2)
  })

  test('the new connection that replaces a stale one has its own time for connecting', async () => {
    const receiver = await startTlsReceiver({ maxConnections: 1 })
    const attempt = startAttempt({ lookup, connectTimeoutMs: 1000 })
    const delivery = deliveryTo(`https://hooks.test:${receiver.port}/`)

    await attempt.post(delivery)
    receiver.dropNext()
    const result = await attempt.post(delivery)

    expect(result).toMatchObject({ statusCode: null, error: 'no connection within 1 s' })
    expect(receiver.connections()).toBe(2)
  })

  test.each(['other.test', '127.0.0.1'])(
    'a certificate for another name than %s is refused',
    async (host) => {
      const receiver = await startTlsReceiver()

      const result = await startAttempt({ lookup }).post(deliveryTo(`https://${host}:${receiver.port}/`))

      expect(result).toMatchObject({
        statusCode: null,
        error: "the receiver's certificate is for another name",
      })
    },
  )

  test('a certificate that nobody vouches for is refused', async () => {
    setDefaultCACertificates([])
    const receiver = await startTlsReceiver()

    const result = await startAttempt({ lookup }).post(deliveryTo(`https://hooks.test:${receiver.port}/`))

    expect(result.statusCode).toBe(null)
    expect(result.error).toMatch(/^the receiver's certificate is not trusted \([A-Z_]+\)$/)
  })

  test('a receiver that speaks http only is an error', async () => {
    const receiver = await startReceiver()

    const result = await startAttempt({ lookup }).post(deliveryTo(`https://hooks.test:${receiver.port}/`))

    expect(result.statusCode).toBe(null)
    expect(result.error).toMatch(/^no TLS came about with the receiver \([A-Z_]+\)$/)
  })
})

/** Signed by itself, for hooks.test. */
const { cert: certificate, private: key } = await generate([{ name: 'commonName', value: 'hooks.test' }], {
  keyType: 'ec',
  extensions: [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'subjectAltName', altNames: [{ type: 2, value: 'hooks.test' }] },
  ],
})
