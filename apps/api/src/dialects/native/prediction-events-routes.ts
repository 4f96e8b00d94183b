import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { ApiEnvironment } from '../../http/api-environment.ts'
import { etagOf } from '../../predictions/prediction-etag.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { eventHeaders, notGood } from './open-events.ts'
import { idParameter, problem, tokenQuery } from './prediction-docs.ts'

/** Follow a prediction by server-sent events, with the API key or with the token of `urls.events`. */
export const predictionEventsRoutes = ({
  predictions: { read, follow, show, readEventsToken, opensEvents },
}: {
  predictions: Pick<Predictions, 'read' | 'follow' | 'show' | 'readEventsToken' | 'opensEvents'>
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()

  app.openapi(eventsRoute, async (c) => {
    const id = c.req.param('id')
    const token = c.req.query('token')
    // the token says that its bearer may see this prediction, whoever owns it
    const bearer = token === undefined ? undefined : readEventsToken(id, token)
    const record = await read(id, bearer ? null : c.get('owner'))
    if (bearer && !opensEvents(record, bearer)) throw notGood()
    const lastEventId = c.req.header('last-event-id')
    // an EventSource opens the stream again after its end, for ever, unless it is told that nothing more will come
    if (record.outcome && lastEventId === etagOf(record)) return c.body(null, 204)
    const leave = c.get('underWay')?.open('streams', record.job.owner)
    if (leave) c.env.outgoing?.once('close', leave)
    const events = follow(record, {
      lastEventId,
      signal: c.req.raw.signal,
      show,
    })
    // so that Node knows it too: a client that closed its half is asked by a comment whether it is there
    c.env.outgoing?.setHeader('Content-Type', 'text/event-stream')
    return c.body(events, 200, eventHeaders)
  })

  return app
}

const eventSchema = z
  .object({
    event: z.literal('prediction'),
    id: z.string().describe('Its ETag.'),
    data: z.string().describe('The prediction as JSON.'),
  })
  .describe('Each of the events, by its fields.')

const eventsRoute = createRoute({
  method: 'get',
  path: '/v1/predictions/{id}/events',
  operationId: 'followPrediction',
  tags: ['Predictions'],
  summary: 'Follow a prediction by server-sent events',
  description:
    'An event `prediction` with the object at each change; the stream ends after the final one. One that ends before was told to connect again (`retry`), since its server stops; an EventSource does so by itself. An event `error` before the end says that the prediction is gone.',
  parameters: [idParameter, tokenQuery],
  responses: {
    200: { description: 'The events.', content: { 'text/event-stream': { schema: eventSchema } } },
    204: { description: 'Last-Event-ID is that of the final event: an EventSource stops.' },
    404: problem('There is no such prediction.'),
    429: problem('Your key has too many streams open.'),
  },
})
