import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { deliveryStatuses } from '@onqueue/shared'
import type { ApiContext, ApiEnvironment } from '../../http/api-environment.ts'
import { bodySchemaOf } from '../../http/bodies/body-schema.ts'
import type { ReadShortBody } from '../../http/bodies/json-body.ts'
import { decodeCursor, encodeCursor } from '../../http/list-cursor.ts'
import { methodNotAllowed } from '../../http/errors/not-found.ts'
import { parseBody } from '../../http/bodies/parse-body.ts'
import type { Deliveries } from '../../deliveries/open-deliveries.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import * as docs from './prediction-docs.ts'

/** The caller's own webhook deliveries: what became of them, and sending them again. */
export const deliveryRoutes = ({
  predictions: { read },
  deliveries,
  readShortBody,
  publicUrl,
}: {
  predictions: Pick<Predictions, 'read'>
  deliveries: Deliveries
  readShortBody: ReadShortBody
  publicUrl: string
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()

  app.openapi(ofPredictionRoute, async (c) => {
    const record = await read(c.req.param('id'), c.get('owner'))
    return c.json({ results: await deliveries.ofPrediction(record) }, 200)
  })

  app.openapi(listRoute, async (c) => {
    const { status, since, limit, cursor } = c.req.valid('query')
    const page = await deliveries.list({
      owner: c.get('owner'),
      status,
      since,
      limit,
      cursor: cursor === undefined ? undefined : decodeCursor(cursor),
    })
    if (!page.next) return c.json({ results: page.results, next: null }, 200)
    const next = new URL(`${publicUrl}/v1/deliveries`)
    next.search = new URL(c.req.url).search
    next.searchParams.set('cursor', encodeCursor(page.next))
    return c.json({ results: page.results, next: next.href }, 200)
  })

  app.openapi(getRoute, async (c) => {
    refuseOtherRoute(c)
    return c.json(await deliveries.read(c.req.param('id'), c.get('owner')), 200)
  })

  app.openapi(discardRoute, async (c) => {
    refuseOtherRoute(c)
    await deliveries.discard(c.req.param('id'), c.get('owner'))
    return c.body(null, 204)
  })

  app.openapi(redeliverAllRoute, async (c) => {
    const { since } = parseBody(sinceSchema, await readShortBody(c))
    const { count, isMore } = await deliveries.redeliver.failedSince(since, c.get('owner'))
    return c.json({ redelivered: count, has_more: isMore }, 200)
  })

  app.openapi(redeliverRoute, async (c) =>
    c.json(await deliveries.redeliver.one(c.req.param('id'), c.get('owner')), 202),
  )

  return app
}

/** The router would take the name of that route for an id; a route beside it would cost every request its fast way. */
const refuseOtherRoute = (c: ApiContext) => {
  if (c.req.path === redeliverAllRoute.path) throw methodNotAllowed(c.req.method, ['POST'])
}

const tags = ['Webhooks']

const sinceSchema = z.strictObject({ since: docs.time })

const idParameter = { ...docs.idParameter, description: 'Id of the delivery.' }

const ofPredictionRoute = createRoute({
  method: 'get',
  path: '/v1/predictions/{id}/deliveries',
  operationId: 'listPredictionDeliveries',
  tags,
  summary: 'The webhook deliveries of a prediction, with their attempts',
  parameters: [docs.idParameter],
  responses: {
    200: docs.json(z.object({ results: z.array(docs.deliveryResource) }), 'Its deliveries.'),
    404: docs.problem('There is no such prediction.'),
  },
})

const listRoute = createRoute({
  method: 'get',
  path: '/v1/deliveries',
  operationId: 'listDeliveries',
  tags,
  summary: 'Your webhook deliveries, newest first',
  request: {
    query: z.strictObject({
      status: z.enum(deliveryStatuses).optional(),
      since: docs.time.optional().describe('Only those that were made then or later.'),
      limit: docs.limit,
      cursor: z.string().optional().describe('From next of a page.'),
    }),
  },
  responses: {
    200: docs.json(
      z.object({ results: z.array(docs.deliveryResource), next: z.url().nullable() }),
      'A page; next is a link, or null.',
    ),
    400: docs.problem('A query parameter is malformed.'),
  },
})

const getRoute = createRoute({
  method: 'get',
  path: '/v1/deliveries/{id}',
  operationId: 'getDelivery',
  tags,
  summary: 'A webhook delivery with its attempts',
  parameters: [idParameter],
  responses: {
    200: docs.json(docs.deliveryResource, 'The delivery.'),
    404: docs.problem('There is no such delivery.'),
  },
})

const discardRoute = createRoute({
  method: 'delete',
  path: '/v1/deliveries/{id}',
  operationId: 'discardDelivery',
  tags,
  summary: 'Forget a delivery with its body; it is not attempted any more',
  parameters: [idParameter],
  responses: {
    204: { description: 'It is gone.' },
    404: docs.problem('There is no such delivery.'),
  },
})

const redeliverRoute = createRoute({
  method: 'post',
  path: '/v1/deliveries/{id}/redeliver',
  operationId: 'redeliver',
  tags,
  summary: 'Deliver again, from the start of the schedule: same id, same body',
  parameters: [idParameter],
  responses: {
    202: docs.json(docs.deliveryResource, 'It is due now.'),
    404: docs.problem('There is no such delivery.'),
    410: docs.problem('It was delivered, and its prediction is gone.'),
  },
})

const redeliverAllRoute = createRoute({
  method: 'post',
  path: '/v1/deliveries/redeliver',
  operationId: 'redeliverFailed',
  tags,
  summary: 'Deliver everything again that failed since a time',
  request: docs.jsonBody(bodySchemaOf(sinceSchema)),
  responses: {
    200: docs.json(
      z.object({ redelivered: z.int(), has_more: z.boolean() }),
      'How many are due now, at most 1,000; call again for more.',
    ),
    422: docs.problem('The body is not { "since": "2026-01-31T12:00:00Z" }.'),
  },
})
