import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createAddressPolicy } from '@onqueue/shared'
import { describe, expect, test } from 'vitest'
import {
  deliveryTo,
  hasIpv6,
  opened,
  playDns,
  startAttempt,
  startForbidden,
  startReceiver,
} from './http-attempt.fixture.ts'
import { createHttpAttempt } from './http-attempt.ts'

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

    const result = await startAttempt().post(deliveryTo(`${receiver.url}?a=%20b`))

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

describe('what goes wrong', () => {
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
})
