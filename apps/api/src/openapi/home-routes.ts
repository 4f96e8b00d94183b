import { OpenAPIHono } from '@hono/zod-openapi'
import { defaultVersionOf } from '@onqueue/shared'
import type { ModelEntry } from '@onqueue/shared'
import packageJson from '../../package.json' with { type: 'json' }
import type { Access } from '../access/open-access.ts'
import type { ApiContext, ApiEnvironment } from '../http/api-environment.ts'
import type { Models } from '../models/open-models.ts'
import { docsPolicy } from './docs-page.ts'
import { homeHtml } from './home-page.ts'
import type { HomePage } from './home-page.ts'

/** `GET /`: for a browser a page that says what runs here, for a program the same in short, as JSON. */
export const homeRoutes = ({
  models,
  access,
  publicUrl,
}: {
  models: Pick<Models, 'list'>
  access: Pick<Access, 'isKeyNeeded'>
  publicUrl: string
}) =>
  new OpenAPIHono<ApiEnvironment>().get('/', (c) => {
    c.header('Cache-Control', 'no-cache')
    c.header('Vary', 'Accept', { append: true })
    const shown = models.list().map(showModel)
    if (!wantsPage(c)) return c.json(toJson(shown, publicUrl), 200)
    const html = homeHtml({
      version: packageJson.version,
      publicUrl,
      hasKeys: access.isKeyNeeded(),
      models: shown,
    })
    return c.body(html, 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': docsPolicy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    })
  })

/** Browsers name it, and programs that take anything don't. */
const wantsPage = (c: ApiContext) => /\btext\/html\b/i.test(c.req.header('accept') ?? '')

/** No more than the OpenAPI document tells everybody. */
const showModel = ({ name, versions }: ModelEntry): HomePage['models'][number] => {
  const served = defaultVersionOf(versions)
  const offered = served?.card.interface
  return {
    name,
    status: served?.status ?? 'unavailable',
    description: offered?.description ?? null,
    ...(served?.reason ? { reason: served.reason } : {}),
    ...(offered ? { example: offered.example } : {}),
  }
}

const toJson = (models: HomePage['models'], publicUrl: string) => ({
  object: 'server',
  name: 'OnQueue',
  version: packageJson.version,
  models: models.map(({ name, status }) => ({ name, status })),
  urls: {
    docs: `${publicUrl}/docs`,
    openapi: `${publicUrl}/openapi.json`,
    models: `${publicUrl}/v1/models`,
    predictions: `${publicUrl}/v1/predictions`,
    ready: `${publicUrl}/readyz`,
  },
})
