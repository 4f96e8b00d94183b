import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { OpenAPIHono } from '@hono/zod-openapi'
import type { ApiContext, ApiEnvironment } from '../http/api-environment.ts'
import type { OpenPaths } from '../http/dialect.ts'
import { homeStyle } from './home-page.ts'
import { docsHtml, docsPolicy, docsScript, docsStyle } from './docs-page.ts'

const require = createRequire(import.meta.url)

/**
 * `GET /docs` and its files. Swagger UI's are read when they are asked for, and not held. Each has a path of its own:
 * a parameter beside fixed paths would cost every request Hono's fast router.
 */
export const docsRoutes = () =>
  new OpenAPIHono<ApiEnvironment>()
    .get('/docs', (c) => send(c, docsHtml, 'text/html; charset=utf-8'))
    .get('/docs/', (c) => c.redirect('../docs', 301))
    .get('/docs/page.js', (c) => send(c, docsScript, 'text/javascript; charset=utf-8'))
    .get('/docs/home.css', (c) => send(c, homeStyle, 'text/css; charset=utf-8'))
    .get('/docs/page.css', (c) => send(c, docsStyle, 'text/css; charset=utf-8'))
    .get('/docs/swagger-ui-bundle.js', async (c) =>
      send(c, await readPackaged('swagger-ui-bundle.js'), 'text/javascript; charset=utf-8'),
    )
    .get('/docs/swagger-ui.css', async (c) =>
      send(c, await readPackaged('swagger-ui.css'), 'text/css; charset=utf-8'),
    )

/** The pages and the document that they show. */
export const docsPaths: OpenPaths = {
  isOpen: (path) => path === '/' || path === '/docs' || path.startsWith('/docs/') || path === '/openapi.json',
  isProbe: () => false,
}

export const isPage = (path: string) => path === '/' || path === '/docs'

const readPackaged = (name: string) =>
  readFile(join(dirname(require.resolve('swagger-ui-dist/package.json')), name))

const send = (c: ApiContext, body: string | Buffer<ArrayBuffer>, type: string) =>
  c.body(body, 200, {
    'Content-Type': type,
    'Content-Security-Policy': docsPolicy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    // a new release has new files under the same names
    'Cache-Control': 'max-age=300',
  })
