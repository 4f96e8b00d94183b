import { existsSync } from 'node:fs'
import { serve } from '@hono/node-server'
import { OpenAPIHono, z } from '@hono/zod-openapi'
import { AppError } from '@onqueue/shared'
import { chromium } from 'playwright-core'
import { expect, test } from 'vitest'
import type { ApiEnvironment } from '../http/api-environment.ts'
import { modelEntry, modelsOf } from '../models/model-entry.fixture.ts'
import { docsRoutes } from './docs-routes.ts'
import { openapiRoutes } from './openapi-routes.ts'

const app = docsRoutes()
app.onError((err, c) => c.text('', err instanceof AppError && err.code === 'not_found' ? 404 : 500))

test('the page and all that it links to are here, under a policy that lets nothing else in', async () => {
  const page = await app.request('/docs')
  const html = await page.text()

  const links = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link]) => link)
  expect(links).toEqual([
    'data:,',
    'docs/swagger-ui.css',
    'docs/page.css',
    'openapi.json',
    'docs/swagger-ui-bundle.js',
    'docs/page.js',
  ])
  for (const link of links.filter((one) => one?.startsWith('docs/'))) {
    const file = await app.request(`/${link}`)
    expect([link, file.status, file.headers.get('content-security-policy')]).toEqual([
      link,
      200,
      page.headers.get('content-security-policy'),
    ])
  }
  expect(page.headers.get('content-security-policy')).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  )
})

test('files have their types', async () => {
  const typeOf = async (path: string) => (await app.request(path)).headers.get('content-type')

  expect(await typeOf('/docs')).toBe('text/html; charset=utf-8')
  expect(await typeOf('/docs/swagger-ui-bundle.js')).toBe('text/javascript; charset=utf-8')
  expect(await typeOf('/docs/page.css')).toBe('text/css; charset=utf-8')
})

test('no other file of the package, or of the machine, can be had', async () => {
  for (const path of [
    '/docs/package.json',
    '/docs/..%2fpackage.json',
    '/docs/%2e%2e%2f%2e%2e%2fpackage.json',
  ]) {
    expect((await app.request(path)).status).toBe(404)
  }
})

test('a slash at the end leads to the page', async () => {
  const response = await app.request('/docs/')

  expect([response.status, response.headers.get('location')]).toEqual([301, '../docs'])
})

const browserPath = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path !== undefined && existsSync(path),
)

test.skipIf(browserPath === undefined)(
  'in a browser: the page works, sends the example, and loads nothing from elsewhere',
  async () => {
    const server = await serveStub()
    const browser = await chromium.launch({
      ...(browserPath === undefined ? {} : { executablePath: browserPath }),
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
    try {
      const page = await browser.newPage()
      const urls: string[] = []
      const complaints: string[] = []
      page.on('request', (request) => urls.push(request.url()))
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
      page.on('pageerror', (err) => complaints.push(err.message))

      await page.goto(`${server.url}/docs`)
      const operation = page.locator('#operations-iris-predict_iris')
      await operation.locator('.opblock-summary-control').first().click()
      await operation.locator('button.execute').click()
      const answer = operation.locator('.live-responses-table')
      await answer.waitFor()

      expect(await answer.innerText()).toContain('"received"')
      expect(urls.filter((url) => !url.startsWith(`${server.url}/`) && !url.startsWith('data:'))).toEqual([])
      expect(complaints).toEqual([])
    } finally {
      await browser.close()
      await server.close()
    }
  },
)

/** The docs page of a server with one model, which answers what it was sent. */
const serveStub = async () => {
  const stub = new OpenAPIHono<ApiEnvironment>()
  for (const name of ['Prediction', 'Problem']) stub.openAPIRegistry.register(name, z.object({}))
  stub.route('/', docsRoutes())
  stub.route(
    '/',
    openapiRoutes({
      app: stub,
      models: modelsOf([modelEntry('iris')]),
      access: { isKeyNeeded: () => false },
      publicUrl: '',
      defaultModel: '',
    }),
  )
  stub.post('/v1/models/iris/predict', async (c) => c.json({ received: await c.req.json() }))
  const { server, port } = await new Promise<{ server: ReturnType<typeof serve>; port: number }>(
    (resolve) => {
      const listening = serve({ fetch: stub.fetch, port: 0, hostname: '127.0.0.1' }, (info) =>
        resolve({ server: listening, port: info.port }),
      )
    },
  )
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
