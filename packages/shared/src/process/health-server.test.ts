import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test, vi } from 'vitest'
import { ConfigError } from './environment.ts'
import { startHealthServer } from './health-server.ts'
import type { HealthServer, Readiness } from './health-server.ts'

let server: HealthServer | undefined
afterEach(() => server?.close())

const log = { info: vi.fn<() => void>(), error: vi.fn<() => void>() }

const address = { host: '127.0.0.1', hostSetting: 'APP_HEALTH_HOST', portSetting: 'APP_HEALTH_PORT' }

const start = async ({
  isReady = async () => ({ ready: true, reasons: [] }),
  metrics = async () => 'onqueue_up 1\n',
  timeoutMs = 1000,
  metricsHosts = [],
}: {
  isReady?: () => Promise<Readiness>
  metrics?: () => Promise<string>
  timeoutMs?: number
  metricsHosts?: string[]
} = {}) => {
  server = await startHealthServer({ port: 0, ...address, log, isReady, metrics, metricsHosts, timeoutMs })
  const { port } = server
  return (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
}

test('a process that answers is alive', async () => {
  const get = await start({ isReady: async () => ({ ready: false, reasons: ['busy'] }) })

  const response = await get('/livez')

  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ status: 'ok' })
})

test('readiness is 200, or 503 with the reasons', async () => {
  let readiness: Readiness = { ready: false, reasons: ['Redis does not answer'] }
  const get = await start({ isReady: async () => readiness })

  const unready = await get('/readyz?verbose')
  readiness = { ready: true, reasons: [] }

  expect(unready.status).toBe(503)
  expect(await unready.json()).toEqual({ status: 'unavailable', reasons: ['Redis does not answer'] })
  expect((await get('/readyz')).status).toBe(200)
})

test('metrics are served as Prometheus text', async () => {
  const get = await start()

  const response = await get('/metrics')

  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await response.text()).toBe('onqueue_up 1\n')
})

/** fetch does not let a caller choose the Host header. */
const getAs = (host: string | undefined, path: string) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const socket = connect(server?.port ?? 0, '127.0.0.1')
    const version = host === undefined ? 'HTTP/1.0' : 'HTTP/1.1'
    const lines = [
      `GET ${path} ${version}`,
      ...(host === undefined ? [] : [`Host: ${host}`]),
      'Connection: close',
    ]
    socket.end(`${lines.join('\r\n')}\r\n\r\n`)
    text(socket).then(
      (answer) => resolve({ status: Number(answer.split(' ', 2)[1]), text: answer }),
      (err: unknown) => reject(err),
    )
  })

test.each([
  'evil.example',
  'evil.example:8082',
  '127.0.0.1.evil.example',
  'EVIL.example.',
  'localhost.evil.example',
])('a web page whose name was made to lead here reads no metrics: %s', async (host) => {
  await start()

  const refused = await getAs(host, '/metrics')
  const alive = await getAs(host, '/livez')
  const ready = await getAs(host, '/readyz?verbose')

  expect(refused.status).toBe(403)
  expect(refused.text).not.toContain('onqueue_up')
  expect(refused.text).toContain('ONQUEUE_METRICS_HOSTS')
  expect([alive.status, ready.status]).toEqual([200, 200])
})

test.each([
  '127.0.0.1:8082',
  '10.1.2.3:8082',
  '[::1]:8082',
  '[fd00::7]',
  'localhost',
  'worker:8082',
  'onqueue_worker_1',
  'Worker.Metrics.Example:8082',
  undefined,
])(
  'who scrapes by address, by the name of a service or by one that is allowed gets metrics: %s',
  async (host) => {
    await start({ metricsHosts: ['worker.metrics.example'] })

    expect(await getAs(host, '/metrics')).toMatchObject({
      status: 200,
      text: expect.stringContaining('onqueue_up'),
    })
  },
)

test('a check that hangs or throws is a failed one', async () => {
  const get = await start({
    isReady: () => new Promise(() => {}),
    metrics: async () => {
      throw new Error('secret detail')
    },
    timeoutMs: 10,
  })

  const hung = await get('/readyz')
  const thrown = await get('/metrics')

  expect([hung.status, thrown.status]).toEqual([503, 503])
  expect(await thrown.text()).not.toContain('secret detail')
})

test('any other path is told what is here', async () => {
  const get = await start()

  const response = await get('/health')

  expect(response.status).toBe(404)
  expect(await response.text()).toContain('/livez, /readyz and /metrics')
})

test('a port that is taken is a sentence that names its setting', async () => {
  await start()
  const taken = server?.port ?? 0

  await expect(
    startHealthServer({
      port: taken,
      ...address,
      log,
      isReady: async () => ({ ready: true, reasons: [] }),
      metrics: async () => '',
    }),
  ).rejects.toThrow(
    new ConfigError(`port ${taken} is in use; stop what uses it, or set APP_HEALTH_PORT to another one`),
  )
})

test('closing twice is fine, also while a connection is kept open', async () => {
  const get = await start()
  await (await get('/livez')).text()

  await server?.close()
  await server?.close()

  await expect(get('/livez')).rejects.toThrow('fetch failed')
})
