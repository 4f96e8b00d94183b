import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { answerJson } from '../../http/answers/answer-json.ts'
import type { ApiEnvironment } from '../../http/api-environment.ts'
import { etagOf } from '../../predictions/prediction-etag.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import * as docs from './prediction-docs.ts'

/** Cancel and delete predictions. */
export const predictionRoutes = ({
  predictions: { read, cancel, forget, show },
}: {
  predictions: Pick<Predictions, 'read' | 'cancel' | 'forget' | 'show'>
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()

  app.openapi(cancelRoute, async (c) => {
    const record = await cancel(await read(c.req.param('id'), c.get('owner')))
    return answerJson(c, show(record), 200, { ETag: etagOf(record) })
  })

  app.openapi(deleteRoute, async (c) => {
    await forget(await read(c.req.param('id'), c.get('owner')))
    return c.body(null, 204)
  })

  return app
}

const tags = ['Predictions']

const cancelRoute = createRoute({
  method: 'post',
  path: '/v1/predictions/{id}/cancel',
  operationId: 'cancelPrediction',
  tags,
  summary: 'Cancel a prediction; one that is final stays as it is',
  parameters: [docs.idParameter],
  responses: {
    200: docs.json(docs.predictionResource, 'The prediction, which is final now.'),
    404: docs.problem('There is no such prediction.'),
  },
})

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/predictions/{id}',
  operationId: 'deletePrediction',
  tags,
  summary: 'Cancel a prediction if need be, and forget its input and output',
  parameters: [docs.idParameter],
  responses: { 204: { description: 'It is gone.' }, 404: docs.problem('There is no such prediction.') },
})
