import { createRoute, z } from '@hono/zod-openapi'
import { jsonAnswer } from '../../http/answers/answer-json.ts'
import type { ReadJsonBody } from '../../http/bodies/json-body.ts'
import { whileWaiting } from '../../http/health/while-waiting.ts'
import type { HotRoute } from '../../http/hot-route.ts'
import { parsePreference } from '../../http/prefer-header.ts'
import { readQuery } from '../../http/read-query.ts'
import { headOf } from '../../http/request-head.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { outputOf } from '../../submit/predict-now.ts'
import * as docs from './prediction-docs.ts'

const defaultWaitMs = 30_000

/** Bare input in, bare output out: the caller waits for it. */
export const predictRoute = ({
  predictions: { predictNow },
  readJsonBody,
}: {
  predictions: Pick<Predictions, 'predictNow'>
  readJsonBody: ReadJsonBody
}): HotRoute => ({
  description,
  handle: async (c) => {
    const { wait, version } = readQuery(c.req, ['version', 'wait'])
    const { waitMs = defaultWaitMs, applied } = parsePreference(headOf(c).header('prefer'), wait)
    const body = await readJsonBody(c)
    const ended = await whileWaiting(c, () =>
      predictNow({
        model: c.req.param('model') ?? '',
        version,
        body,
        owner: c.get('owner'),
        requestId: c.get('requestId'),
        keyId: c.get('keyId'),
        signal: c.req.raw.signal,
        waitMs: waitMs - (performance.now() - c.get('arrivedAt')),
      }),
    )
    return jsonAnswer(c, outputOf(ended), 200, applied === undefined ? {} : { 'Preference-Applied': applied })
  },
})

const description = createRoute({
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
