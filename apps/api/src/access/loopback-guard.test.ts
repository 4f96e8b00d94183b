import { Hono } from 'hono'
import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { plainPaths } from '../dialects/plain/plain-dialect.ts'
import type { ApiEnvironment } from '../http/api-environment.ts'
import { healthPaths } from '../http/health/health-routes.ts'
import { docsPaths, isPage } from '../openapi/docs-routes.ts'
import { letIn } from '../http/let-in.ts'
import { checkListenAddress, createLoopbackGuard } from './loopback-guard.ts'

const probes = [plainPaths, healthPaths, docsPaths]

const startApp = ({
  isActive = true,
  publicUrl = 'http://127.0.0.1:8080',
  allowAnonymous = false,
  corsOrigins = [],
}: {
  isActive?: boolean
  publicUrl?: string
  allowAnonymous?: boolean
  corsOrigins?: string[]
} = {}) => {
  const app = new Hono<ApiEnvironment>()
  const loopbackGuard = createLoopbackGuard({
    isActive: () => isActive,
    isProbe: (path) => probes.some((routes) => routes.isProbe(path)),
    isPage,
    publicUrl,
    allowAnonymous,
    corsOrigins,
  })
  app.use(letIn({ loopbackGuard, findCaller: () => ({ owner: 'anonymous', keyId: null }) }))
  app.onError((err, c) =>
    c.text(err.message, err instanceof AppError && err.code === 'forbidden' ? 403 : 500),
  )
  app.all('*', (c) => c.text('ok'))
  return async (headers: Record<string, string>, path = '/v1/models', method = 'GET') =>
    (await app.request(path, { method, headers })).status
}

const loopbackHosts = [
  'localhost',
  'localhost:8080',
  'LOCALHOST:1',
  'localhost.',
  'api.localhost',
  '127.0.0.1:8080',
  '127.8.7.6',
  '[::1]',
  '[::1]:8080',
]
const foreignHosts = [
  'evil.example',
  'evil.example:8080',
  'localhost.evil.example',
  '127.evil.example',
  '127.0.0.1.evil.example',
  'localhost@evil.example',
  'x.evillocalhost',
  '0.0.0.0',
  '[::2]',
  '',
  '::1',
  'a b',
]

test.each(loopbackHosts)('Host %j is let in', async (host) => {
  expect(await startApp()({ host })).toBe(200)
  expect(await startApp({ allowAnonymous: true })({ host })).toBe(200)
})

test.each(foreignHosts)('Host %j is refused', async (host) => {
  expect(await startApp()({ host })).toBe(403)
})

test('anonymous mode lets in names of one label and addresses, which nobody can rebind', async () => {
  const send = startApp({ allowAnonymous: true })

  for (const host of ['api:8080', 'onqueue_api', '192.168.1.7:8080', '[fd00::7]:8080']) {
    expect([host, await send({ host })]).toEqual([host, 200])
    expect([host, await startApp()({ host })]).toEqual([host, 403])
  }
  for (const host of ['evil.example:8080', 'api.evil.example', 'api.default.svc.cluster.local']) {
    expect([host, await send({ host })]).toEqual([host, 403])
  }
})

test("the host of ONQUEUE_PUBLIC_URL is let in, with its pages'", async () => {
  const send = startApp({ publicUrl: 'https://ml.example.com/base' })

  expect(await send({ host: 'ml.example.com' })).toBe(200)
  expect(await send({ host: 'localhost:8080', origin: 'https://ml.example.com' })).toBe(200)
  expect(await send({ host: 'other.example.com' })).toBe(403)
})

test.each([
  'https://evil.example',
  'null',
  'file://',
  'http://localhost.evil.example',
  'http://192.168.1.9',
  'http://intranet',
  'chrome-extension://abc',
  '',
])('a page of origin %j is refused', async (origin) => {
  expect(await startApp()({ host: 'localhost:8080', origin }, '/v1/models', 'POST')).toBe(403)
  expect(await startApp({ allowAnonymous: true })({ host: 'api:8080', origin }, '/v1/models', 'POST')).toBe(
    403,
  )
})

test('a page of our own, or of this machine, is let in', async () => {
  expect(await startApp()({ host: '127.0.0.1:8080', origin: 'http://127.0.0.1:8080' })).toBe(200)
  expect(await startApp()({ host: 'localhost:8080', origin: 'http://localhost:3000' })).toBe(200)
  expect(
    await startApp({ allowAnonymous: true })({ host: '192.168.1.7:8080', origin: 'http://192.168.1.7:8080' }),
  ).toBe(200)
  expect(await startApp({ allowAnonymous: true })({ host: 'api', origin: 'http://api' })).toBe(200)
})

test('what the browser calls cross-site is refused, also without an Origin', async () => {
  const send = startApp()

  expect(await send({ host: 'localhost', 'sec-fetch-site': 'cross-site' })).toBe(403)
  expect(await send({ host: 'localhost', 'sec-fetch-site': 'same-origin' })).toBe(200)
  expect(await send({ host: 'localhost', 'sec-fetch-site': 'none' })).toBe(200)
})

test.each(['Cross-Site', 'CROSS-SITE', ' cross-site ', 'cross-site;a=1', 'none, cross-site'])(
  'so it is when a proxy made %j of it',
  async (site) => {
    expect(await startApp()({ host: 'localhost', 'sec-fetch-site': site })).toBe(403)
  },
)

test('a page that the operator names is let in, unless its own name leads here', async () => {
  const send = startApp({ corsOrigins: ['https://app.example.com', '*'] })
  const page = { origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' }

  expect(await send({ ...page, host: 'localhost:8080' })).toBe(200)
  expect(await send({ ...page, host: 'app.example.com' })).toBe(403)
  expect(await send({ ...page, origin: 'http://app.example.com', host: 'localhost' })).toBe(403)
  expect(await send({ ...page, origin: 'https://evil.example', host: 'localhost' })).toBe(403)
  expect(await send({ ...page, origin: '*', host: 'localhost' })).toBe(403)
})

test('a link to a page may be followed from anywhere, and nothing else', async () => {
  const visit = {
    host: 'localhost',
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  }
  const send = startApp()

  expect(await send(visit, '/docs')).toBe(200)
  expect(await send(visit, '/')).toBe(200)
  expect(await send({ ...visit, 'sec-fetch-mode': 'Navigate', 'sec-fetch-dest': 'Document' }, '/docs')).toBe(
    200,
  )
  expect(await send(visit, '/v1/models')).toBe(403)
  expect(await send(visit, '/docs', 'POST')).toBe(403)
  expect(await send({ ...visit, 'sec-fetch-dest': 'iframe' }, '/docs')).toBe(403)
  expect(await send({ ...visit, host: 'evil.example' }, '/docs')).toBe(403)
})

test('health is told to every caller', async () => {
  for (const path of ['/health', '/livez', '/readyz', '/v2/health/ready']) {
    expect(await startApp()({ host: 'pod.example' }, path)).toBe(200)
  }
  expect(await startApp()({ host: 'pod.example' }, '/metrics')).toBe(403)
})

test('with keys the guard has nothing to do', async () => {
  expect(
    await startApp({ isActive: false })({ host: 'ml.example.com', origin: 'https://app.example.com' }),
  ).toBe(200)
})

test('a caller without Host is no browser', async () => {
  expect(await startApp()({})).toBe(200)
})

test.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])('listening on %s needs no keys', (host) => {
  expect(() => checkListenAddress({ host, hasKeys: false, allowAnonymous: false })).not.toThrow()
})

test.each(['0.0.0.0', '::', '192.168.1.7', 'ml.example.com', ''])(
  'listening on %j without keys is refused',
  (host) => {
    expect(() => checkListenAddress({ host, hasKeys: false, allowAnonymous: false })).toThrow(
      /npm run keys -- create NAME.*ONQUEUE_ALLOW_ANONYMOUS=true/,
    )
    expect(() => checkListenAddress({ host, hasKeys: true, allowAnonymous: false })).not.toThrow()
    expect(() => checkListenAddress({ host, hasKeys: false, allowAnonymous: true })).not.toThrow()
  },
)
