import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { toIso } from '@onqueue/shared'
import type { Endpoint } from '@onqueue/shared'
import type { ApiEnvironment } from '../../http/api-environment.ts'
import { bodySchemaOf } from '../../http/bodies/body-schema.ts'
import type { ReadShortBody } from '../../http/bodies/json-body.ts'
import type { Locate } from '../../http/errors/locate.ts'
import { parseBody } from '../../http/bodies/parse-body.ts'
import type { Deliveries } from '../../deliveries/open-deliveries.ts'
import { webhookPattern } from '../../submit/submit-request.ts'
import * as docs from './prediction-docs.ts'

/** The caller's signing secret and endpoints, and a test of them. */
export const webhookRoutes = ({
  deliveries,
  readShortBody,
  locate,
}: {
  deliveries: Deliveries
  readShortBody: ReadShortBody
  locate: Locate
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()

  app.openapi(secretRoute, async (c) => {
    const { current } = await deliveries.secrets.read(c.get('owner'))
    return c.json({ key: current }, 200, noStore)
  })

  app.openapi(rotateRoute, async (c) => {
    const { current, previous } = await deliveries.secrets.rotate(c.get('owner'))
    return c.json({ key: current, previous_key_until: toIso(previous?.until ?? null) }, 200, noStore)
  })

  app.openapi(endpointsRoute, async (c) => {
    const endpoints = await deliveries.endpoints(c.get('owner'))
    return c.json({ results: endpoints.map(showEndpoint) }, 200)
  })

  app.openapi(resumeRoute, async (c) => {
    const { origin } = parseBody(originSchema, await readShortBody(c))
    return c.json(showEndpoint(await deliveries.resume(c.get('owner'), origin)), 200)
  })

  app.openapi(testRoute, async (c) => {
    const owner = c.get('owner')
    const asked = parseBody(urlSchema, await readShortBody(c))
    const url = await deliveries.checkReceiver(asked.url, owner, '/url')
    const delivery = await deliveries.sendTest(url, owner)
    return c.json(delivery, 202, { Location: locate(`/v1/deliveries/${delivery.id}`) })
  })

  return app
}

const noStore = { 'Cache-Control': 'no-store' }

const showEndpoint = ({ origin, waiting, failingSince, pausedAt }: Endpoint) => ({
  object: 'webhook_endpoint' as const,
  origin,
  status:
    pausedAt === null
      ? failingSince === null
        ? ('ok' as const)
        : ('failing' as const)
      : ('paused' as const),
  waiting,
  failing_since: toIso(failingSince),
  paused_at: toIso(pausedAt),
})

const tags = ['Webhooks']
const keyResource = z.object({ key: z.string().describe('whsec_ and base64: signs your webhooks.') })
const endpointResource = z
  .object({
    object: z.literal('webhook_endpoint'),
    origin: z.string(),
    status: z.enum(['ok', 'failing', 'paused']),
    waiting: z.int().describe('Deliveries that wait for it.'),
    failing_since: z.iso.datetime().nullable(),
    paused_at: z.iso.datetime().nullable(),
  })
  .openapi('WebhookEndpoint')

const originSchema = z.strictObject({
  origin: z
    .url({ protocol: /^https?$/, error: 'takes an origin such as https://example.com' })
    .meta({ description: 'Such as https://example.com.', pattern: '^https?://' })
    .transform((text) => new URL(text).origin),
})
const urlSchema = z.strictObject({
  url: z.string().meta({ description: 'Where to.', format: 'uri', pattern: webhookPattern, maxLength: 2048 }),
})

const secretRoute = createRoute({
  method: 'get',
  path: '/v1/webhooks/default/secret',
  operationId: 'getWebhookSecret',
  tags,
  summary: 'The secret that signs your webhooks',
  responses: { 200: docs.json(keyResource, 'It is made at the first call.') },
})

const rotateRoute = createRoute({
  method: 'post',
  path: '/v1/webhooks/default/secret/rotate',
  operationId: 'rotateWebhookSecret',
  tags,
  summary: 'Make a new secret; the one before signs along for 24 hours',
  responses: {
    200: docs.json(
      keyResource.extend({ previous_key_until: z.iso.datetime().nullable() }),
      'The new one, and until when the one before signs along.',
    ),
  },
})

const endpointsRoute = createRoute({
  method: 'get',
  path: '/v1/webhooks/endpoints',
  operationId: 'listWebhookEndpoints',
  tags,
  summary: 'The origins that your webhooks go to, and how they do',
  responses: { 200: docs.json(z.object({ results: z.array(endpointResource) }), 'Last used first.') },
})

const resumeRoute = createRoute({
  method: 'post',
  path: '/v1/webhooks/endpoints/resume',
  operationId: 'resumeWebhookEndpoint',
  tags,
  summary: 'End the pause of an origin that failed for five days',
  request: docs.jsonBody(bodySchemaOf(originSchema)),
  responses: {
    200: docs.json(endpointResource, 'Its deliveries go on.'),
    404: docs.problem('Nothing was ever sent there.'),
    422: docs.problem('The body is not { "origin": "https://example.com" }.'),
  },
})

const testRoute = createRoute({
  method: 'post',
  path: '/v1/webhooks/test',
  operationId: 'testWebhook',
  tags,
  summary: 'Send a signed test message',
  request: docs.jsonBody(bodySchemaOf(urlSchema)),
  responses: {
    202: docs.json(docs.deliveryResource, 'The delivery; its Location says what became of it.'),
    422: docs.problem('Webhooks may not go there.'),
  },
})
