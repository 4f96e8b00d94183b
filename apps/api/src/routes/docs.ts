import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { OpenAPIHono } from '@hono/zod-openapi'
import { AppError } from '@onqueue/shared'
import type { ApiContext, ApiEnvironment } from '../api-environment.ts'
import { docsHtml, docsPolicy, docsScript, docsStyle } from '../docs-page.ts'

const require = createRequire(import.meta.url)

/** What the page takes from swagger-ui-dist. */
const packageFiles = new Map([
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['swagger-ui.css', 'text/css; charset=utf-8'],
])

/** `GET /docs` and its files. Swagger UI's are read when they are asked for, and not held. */
export const docsRoutes = () =>
  new OpenAPIHono<ApiEnvironment>()
    .get('/docs', (c) => send(c, docsHtml, 'text/html; charset=utf-8'))
    .get('/docs/', (c) => c.redirect('../docs', 301))
    .get('/docs/page.js', (c) => send(c, docsScript, 'text/javascript; charset=utf-8'))
    .get('/docs/page.css', (c) => send(c, docsStyle, 'text/css; charset=utf-8'))
    .get('/docs/:file', async (c) => {
      const name = c.req.param('file')
      const type = packageFiles.get(name)
      if (type === undefined)
        throw new AppError('not_found', 'the docs page has no such file; it is at /docs')
      const folder = dirname(require.resolve('swagger-ui-dist/package.json'))
      return send(c, await readFile(join(folder, name)), type)
    })

const send = (c: ApiContext, body: string | Buffer<ArrayBuffer>, type: string) =>
  c.body(body, 200, {
    'Content-Type': type,
    'Content-Security-Policy': docsPolicy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    // a new release has new files under the same names
    'Cache-Control': 'max-age=300',
  })
