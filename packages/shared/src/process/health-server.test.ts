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
}: {
  isReady?: () => Promise<Readiness>
  metrics?: () => Promise<string>
  timeoutMs?: number
} = {}) => {
  server = await startHealthServer({ port: 0, ...address, log, isReady, metrics, timeoutMs })
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
