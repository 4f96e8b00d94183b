import { execFile } from 'node:child_process'
import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer, isIPv6 } from 'node:net'
import type { Server, Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { promisify } from 'node:util'
import { createAddressPolicy } from '@onqueue/shared'
import { generate } from 'selfsigned'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHttpAttempt } from './http-attempt.ts'
import type { HttpAttempt, Lookup } from './http-attempt.ts'

const opened: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close()
})

/** Listens until the test is over, and keeps what connected. */
const listen = async (server: Server, { port = 0, host = '127.0.0.1' } = {}) => {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(port, host)
  await once(server, 'listening')
  opened.push({
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(resolve))
    },
  })
  const address = server.address()
  return { sockets, port: typeof address === 'object' && address !== null ? address.port : 0 }
}

const startReceiver = async (
  answer: RequestListener = (_request, response) => response.end('ok'),
  listenOn?: { port?: number; host?: string },
) => {
  const server = createServer(answer)
  const { sockets, port } = await listen(server, listenOn)
  return { url: `http://127.0.0.1:${port}/hooks`, port, connections: () => sockets.size }
}

/** Speaks bytes: for what no HTTP server would do. `answer` is called for each piece that arrives. */
const startTcpReceiver = async (answer: (socket: Socket, connection: number) => void = () => {}) => {
  let connections = 0
  const server = createTcpServer((socket) => {
    connections += 1
    const connection = connections
    socket.on('data', () => answer(socket, connection))
  })
  const { port } = await listen(server)
  return { url: `http://127.0.0.1:${port}/hooks`, port, connections: () => connections }
}

const hasIpv6 = await new Promise<boolean>((resolve) => {
  const probe = createTcpServer()
  probe.once('error', () => resolve(false))
  probe.listen(0, '::1', () => probe.close(() => resolve(true)))
})

/**
 * What must not be reached: a port on 127.0.0.1 and ::1. `dialled` connects itself before it counts the others, as
 * connections are accepted in the order in which they were made.
 */
const startForbidden = async () => {
  const v4 = await startReceiver()
  const v6 = hasIpv6 ? await startReceiver(undefined, { port: v4.port, host: '::1' }) : undefined
  const countOn = async (host: string, receiver: { connections(): number } | undefined) => {
    if (receiver === undefined) return 0
    const response = await fetch(`http://${host}:${v4.port}/`)
    await response.text()
    return receiver.connections() - 1
  }
  return {
    port: v4.port,
    dialled: async () => (await countOn('127.0.0.1', v4)) + (await countOn('[::1]', v6)),
  }
}

const startAttempt = ({
  allowedNetworks = ['127.0.0.1'],
  lookup = async () => [],
  allowHttp = true,
  ...limits
}: {
  allowedNetworks?: string[]
  lookup?: Lookup
  allowHttp?: boolean
  connectTimeoutMs?: number
  totalTimeoutMs?: number
} = {}): HttpAttempt => {
  const attempt = createHttpAttempt({
    addresses: createAddressPolicy({ allowedNetworks }),
    allowHttp,
    lookup,
    ...limits,
  })
  opened.push(attempt)
  return attempt
}

const deliveryTo = (url: string) => ({
  url,
  headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1' },
  body: Buffer.from('{"status":"succeeded"}'),
})

/** Plays the DNS: each look-up takes the next answer, and the last one stays. */
const playDns = (...answers: string[][]) => {
  const asked: string[] = []
  const lookup = async (hostname: string): Promise<LookupAddress[]> => {
    asked.push(hostname)
    const answer = answers[Math.min(asked.length, answers.length) - 1] ?? []
    return answer.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
  }
  return { lookup, asked }
}

const answerOf = (statusLine: string, body = '') =>
  `HTTP/1.1 ${statusLine}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

describe('a delivery', () => {
  test('is posted with its headers and exact bytes', async () => {
    const received: unknown[] = []
    const receiver = await startReceiver((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const {
          host,
          'content-length': length,
          'webhook-id': id,
          'accept-encoding': encoding,
        } = request.headers
        received.push([
          request.method,
          request.url,
          host,
          length,
          id,
          encoding,
          Buffer.concat(chunks).toString(),
        ])
        response.end('thanks')
      })
    })

    const result = await startAttempt().post(deliveryTo(`${receiver.url}?a=%20b#part`))

    const host = `127.0.0.1:${receiver.port}`
    expect(received).toEqual([
      ['POST', '/hooks?a=%20b', host, '22', 'msg_1', undefined, '{"status":"succeeded"}'],
    ])
    expect(result).toEqual({
      statusCode: 200,
      error: null,
      retryAfter: null,
      responseHead: 'thanks',
      durationMs: expect.any(Number),
    })
  })

  test('to a name goes to the address that was checked, under its name', async () => {
    const hosts: unknown[] = []
    const receiver = await startReceiver((request, response) => {
      hosts.push(request.headers.host)
      response.end()
    })
    const { lookup, asked } = playDns(['127.0.0.1'])

    const result = await startAttempt({ lookup }).post(deliveryTo(`http://hooks.test:${receiver.port}/`))

    expect(result).toMatchObject({ statusCode: 200, error: null, responseHead: null })
    expect(hosts).toEqual([`hooks.test:${receiver.port}`])
    expect(asked).toEqual(['hooks.test'])
  })

  test.skipIf(!hasIpv6)('tries the other checked addresses of a name when one refuses', async () => {
    const receiver = await startReceiver()
    const { lookup } = playDns(['::1', '127.0.0.1'])

    const result = await startAttempt({ lookup, allowedNetworks: ['127.0.0.1', '::1'] }).post(
      deliveryTo(`http://hooks.test:${receiver.port}/`),
    )

    expect(result).toMatchObject({ statusCode: 200, error: null })
  })

  test.skipIf(!hasIpv6)('reaches an IPv6 address', async () => {
    const receiver = await startReceiver(undefined, { host: '::1' })

    const result = await startAttempt({ allowedNetworks: ['::1'] }).post(
      deliveryTo(`http://[::1]:${receiver.port}/`),
    )

    expect(result).toMatchObject({ statusCode: 200, error: null })
  })

  test('reaches localhost through the DNS of this machine when loopback is allowed', async () => {
    const receiver = await startReceiver()
    const attempt = createHttpAttempt({
      addresses: createAddressPolicy({ allowedNetworks: ['127.0.0.0/8', '::1'] }),
      allowHttp: true,
    })
    opened.push(attempt)

    const result = await attempt.post(deliveryTo(`http://localhost:${receiver.port}/`))

    expect(result).toMatchObject({ statusCode: 200, error: null })
  })

  test('does not go through a proxy of the environment', async () => {
    const receiver = await startReceiver()
    const proxy = await startReceiver((_request, response) => response.writeHead(418).end())
    const script = `
      import { createHttpAttempt } from ${JSON.stringify(new URL('./http-attempt.ts', import.meta.url).href)}
      const addresses = { isAllowed: () => true, hasAllowedNetworks: true }
      const attempt = createHttpAttempt({ addresses, allowHttp: true })
      const { statusCode } = await attempt.post({ url: ${JSON.stringify(receiver.url)}, headers: {}, body: Buffer.from('') })
      console.log(statusCode)
      attempt.close()
    `
    const proxyUrl = `http://127.0.0.1:${proxy.port}`

    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      {
        env: { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxyUrl, http_proxy: proxyUrl, NO_PROXY: '' },
      },
    )

    expect(stdout).toBe('200\n')
    expect(proxy.connections()).toBe(0)
  })
})

describe('nothing inside is dialled', () => {
  test.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '%31%32%37.0.0.1',
    '①②⑦.0.0.1',
    '127.0.0.1.',
    '0',
    '0.0.0.0',
    '[::]',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    'localhost',
    'localhost.',
    'a.localhost',
  ])('by the host %s', async (host) => {
    const forbidden = await startForbidden()
    const { lookup, asked } = playDns(['127.0.0.1'])

    const result = await startAttempt({ allowedNetworks: [], lookup }).post(
      deliveryTo(`http://${host}:${forbidden.port}/`),
    )

    expect(result).toMatchObject({ statusCode: null, retryAfter: null, responseHead: null })
    expect(result.error).toContain('ONQUEUE_WEBHOOK_ALLOWED_NETWORKS')
    expect(asked).toEqual([])
    expect(await forbidden.dialled()).toBe(0)
  })

  test.each([
    ['loopback', ['127.0.0.1']],
    ['IPv6 loopback', ['::1']],
    ['v4-mapped loopback', ['::ffff:127.0.0.1']],
    ['v4-mapped loopback in hex', ['::ffff:7f00:1']],
    ['unspecified', ['0.0.0.0']],
    ['IPv6 unspecified', ['::']],
    ['metadata', ['169.254.169.254']],
    ['link-local with a scope', ['fe80::1%lo']],
    ['carrier-grade NAT', ['100.64.0.1']],
    ['6to4', ['2002:7f00:1::']],
    ['NAT64', ['64:ff9b::7f00:1']],
    ['Teredo', ['2001:0:4136:e378:8000:63bf:80ff:fffe']],
    ['public first, private next', ['8.8.8.8', '127.0.0.1']],
    ['private first, public next', ['127.0.0.1', '8.8.8.8']],
    ['public IPv6, then private IPv4', ['2606:4700:4700::1111', '127.0.0.1']],
    ['public IPv4, then private IPv6', ['8.8.8.8', '::1']],
    ['something that is no address', ['127.1']],
  ])('by a name that resolves to %s', async (_what, answer) => {
    const forbidden = await startForbidden()
    const { lookup, asked } = playDns(answer)

    const result = await startAttempt({ allowedNetworks: [], lookup }).post(
      deliveryTo(`http://hooks.test:${forbidden.port}/`),
    )

    expect(result).toMatchObject({
      statusCode: null,
      error:
        'hooks.test resolves to a private address: give a public name, or have the networks of all its addresses added to ONQUEUE_WEBHOOK_ALLOWED_NETWORKS on the server',
    })
    expect(asked).toHaveLength(1)
    expect(await forbidden.dialled()).toBe(0)
  })

  // 127.0.0.1 plays the public internet here, and ::1 the inside.
  test.each([
    ['first', ['::1', '127.0.0.1']],
    ['last', ['127.0.0.1', '::1']],
  ])('when one address of several is inside, not even the others: it comes %s', async (_where, answer) => {
    const forbidden = await startForbidden()
    const { lookup } = playDns(answer)

    const result = await startAttempt({ allowedNetworks: ['127.0.0.1'], lookup }).post(
      deliveryTo(`http://hooks.test:${forbidden.port}/`),
    )

    expect(result.error).toContain('resolves to a private address')
    expect(await forbidden.dialled()).toBe(0)
  })

  test.skipIf(!hasIpv6)('by a second look-up (rebinding): there is none', async () => {
    const outside = await startReceiver()
    const inside = await startReceiver(undefined, { port: outside.port, host: '::1' })
    const { lookup, asked } = playDns(['127.0.0.1'], ['::1'])

    const result = await startAttempt({ lookup }).post(deliveryTo(`http://hooks.test:${outside.port}/`))

    expect(result).toMatchObject({ statusCode: 200, error: null })
    expect(asked).toHaveLength(1)
    expect([outside.connections(), inside.connections()]).toEqual([1, 0])
  })

  test('by the next attempt after the name moved inside, not even on a connection that is still open', async () => {
    const requests: unknown[] = []
    const receiver = await startReceiver((request, response) => {
      requests.push(request.url)
      response.end()
    })
    const { lookup } = playDns(['127.0.0.1'], ['::1'])
    const attempt = startAttempt({ lookup })
    const delivery = deliveryTo(`http://hooks.test:${receiver.port}/`)

    const first = await attempt.post(delivery)
    const second = await attempt.post(delivery)

    expect(first).toMatchObject({ statusCode: 200, error: null })
    expect(second).toMatchObject({ statusCode: null })
    expect(second.error).toContain('resolves to a private address')
    expect(requests).toHaveLength(1)
  })

  test.each([301, 302, 303, 307, 308])('by a redirect: %i is not followed', async (statusCode) => {
    const forbidden = await startForbidden()
    const location = `http://user:pass@[::1]:${forbidden.port}/token`
    const receiver = await startReceiver((_request, response) =>
      response.writeHead(statusCode, { location }).end('moved'),
    )

    const result = await startAttempt().post(deliveryTo(receiver.url))

    expect(result).toMatchObject({
      statusCode,
      error: `the receiver answered ${statusCode}, pointing to http://[::1]:${forbidden.port}: redirects are not followed, so give the final URL`,
      responseHead: 'moved',
    })
    expect(await forbidden.dialled()).toBe(0)
    expect(receiver.connections()).toBe(1)
  })

  test('by a redirect to an allowed address either', async () => {
    const target = await startReceiver()
    const receiver = await startReceiver((_request, response) =>
      response.writeHead(302, { location: target.url }).end(),
    )

    const result = await startAttempt().post(deliveryTo(receiver.url))

    expect(result.error).toContain('redirects are not followed')
    expect(target.connections()).toBe(0)
  })

  test.each([
    ['nowhere', {}, ''],
    ['no URL', { location: 'http://[' }, ''],
    ['a scheme without origins', { location: 'javascript:alert(1)' }, ''],
    ['a very long name', { location: `http://${'a'.repeat(1000)}/` }, ''],
    ['a path of its own', { location: '/login?token=1' }, ', pointing to ORIGIN'],
  ])('a redirect to %s is told without what would not help', async (_what, headers, shown) => {
    const receiver = await startReceiver((_request, response) => response.writeHead(307, headers).end())

    const result = await startAttempt().post(deliveryTo(receiver.url))

    const pointing = shown.replace('ORIGIN', `http://127.0.0.1:${receiver.port}`)
    expect(result.error).toBe(
      `the receiver answered 307${pointing}: redirects are not followed, so give the final URL`,
    )
  })

  test('over http, when only https is allowed', async () => {
    const receiver = await startReceiver()

    const result = await startAttempt({ allowHttp: false }).post(deliveryTo(receiver.url))

    expect(result.error).toContain('ONQUEUE_WEBHOOK_ALLOW_HTTP')
    expect(receiver.connections()).toBe(0)
  })
})

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

      const result = await startAttempt({ totalTimeoutMs: 300 }).post(deliveryTo(receiver.url))

      expect(result).toMatchObject({ statusCode: status, error, responseHead: expect.stringMatching(/^a+$/) })
      await isLeft
    },
  )

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

  test.each([
    ['ENOTFOUND', 'the name of the receiver is not in the DNS'],
    ['EAI_AGAIN', 'the name of the receiver could not be looked up (EAI_AGAIN)'],
  ])('a name that the DNS does not give (%s) is an error', async (code, error) => {
    const lookup = () => Promise.reject(Object.assign(new Error('getaddrinfo 10.0.0.53'), { code }))

    expect(await startAttempt({ lookup }).post(deliveryTo('https://hooks.test/'))).toMatchObject({
      statusCode: null,
      error,
    })
  })

  test('a name without addresses is an error', async () => {
    const result = await startAttempt({ lookup: async () => [] }).post(deliveryTo('https://hooks.test/'))

    expect(result.error).toBe('the name of the receiver is not in the DNS')
  })

  test('a DNS that hangs is given up with the connection', async () => {
    const lookup = () => new Promise<LookupAddress[]>(() => {})

    const result = await startAttempt({ lookup, connectTimeoutMs: 20 }).post(
      deliveryTo('https://hooks.test/'),
    )

    expect(result).toMatchObject({ statusCode: null, error: 'no connection within 0.02 s' })
  })

  test('TLS that hangs is given up with the connection', async () => {
    const receiver = await startTcpReceiver()

    const result = await startAttempt({ connectTimeoutMs: 250 }).post(
      deliveryTo(`https://127.0.0.1:${receiver.port}/`),
    )

    expect(result).toMatchObject({ statusCode: null, error: 'no connection within 0.25 s' })
    expect(receiver.connections()).toBe(1)
  })

  test('once connected, a slow answer is not a slow connection', async () => {
    const receiver = await startReceiver((_request, response) => {
      setTimeout(() => response.end(), 500)
    })

    const result = await startAttempt({ connectTimeoutMs: 250 }).post(deliveryTo(receiver.url))

    expect(result).toMatchObject({ statusCode: 200, error: null })
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
      setTimeout(() => response.end(), requests === 1 ? 0 : 500)
    })
    const attempt = startAttempt({ connectTimeoutMs: 250 })

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
    const attempt = startAttempt({ totalTimeoutMs: 300 })

    await attempt.post(deliveryTo(receiver.url))
    const result = await attempt.post(deliveryTo(receiver.url))

    expect(result).toMatchObject({ statusCode: null, error: 'no answer within 0.3 s' })
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
    const attempt = startAttempt({ lookup, connectTimeoutMs: 250 })
    const delivery = deliveryTo(`https://hooks.test:${receiver.port}/`)

    await attempt.post(delivery)
    receiver.dropNext()
    const result = await attempt.post(delivery)

    expect(result).toMatchObject({ statusCode: null, error: 'no connection within 0.25 s' })
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
