import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { answerJson } from '../../http/answers/answer-json.ts'
import type { ApiEnvironment } from '../../http/api-environment.ts'
import type { ReadJsonBody } from '../../http/bodies/json-body.ts'
import { outputOf } from '../../submit/predict-now.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { parsePreference } from '../../http/prefer-header.ts'
import { whileWaiting } from '../../http/health/while-waiting.ts'
import * as docs from './prediction-docs.ts'

const defaultWaitMs = 30_000

/** Bare input in, bare output out: the caller waits for it. */
export const predictRoutes = ({
  predictions: { predictNow },
  readJsonBody,
}: {
  predictions: Pick<Predictions, 'predictNow'>
  readJsonBody: ReadJsonBody
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()

  app.openapi(predictRoute, async (c) => {
    const { waitMs = defaultWaitMs, applied } = parsePreference(c.req.header('prefer'), c.req.query('wait'))
    const body = await readJsonBody(c)
    const ended = await whileWaiting(c, () =>
      predictNow({
        model: c.req.param('model'),
        version: c.req.query('version'),
        body,
        owner: c.get('owner'),
        requestId: c.get('requestId'),
        keyId: c.get('keyId'),
        signal: c.req.raw.signal,
        waitMs: waitMs - (performance.now() - c.get('arrivedAt')),
      }),
    )
    return answerJson(c, outputOf(ended), 200, applied === undefined ? {} : { 'Preference-Applied': applied })
  })

  return app
}

const predictRoute = createRoute({
  method: 'post',
  path: '/v1/models/{model}/predict',
  operationId: 'predict',
  tags: ['Predictions'],
  summary: 'Predict and wait for the output',
  description: 'Waits 30 s, or as long as Prefer asks for. A caller that disconnects cancels the prediction.',
  parameters: [docs.modelParameter, docs.versionQuery, docs.preferHeader, docs.waitQuery],
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: { description: "The model's input, or an array of them." } } },
    },
  },
  responses: {
    200: docs.json(z.unknown(), 'The output.'),
    404: docs.problem('There is no such model.'),
    409: docs.problem('It was canceled.'),
    422: docs.problem('The input does not fit the model; `errors` says where.'),
    429: docs.problem('Too much is waiting, or memory is short.'),
    500: docs.problem('It failed.'),
    503: docs.problem('No worker has the model ready, or the queue is not available.'),
    504: docs.problem('It took too long. When only the wait was over it goes on, at its Location.'),
  },
})
