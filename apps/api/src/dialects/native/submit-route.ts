import { predictionPath } from '@onqueue/shared'
import { createRoute } from '@hono/zod-openapi'
import { jsonAnswer } from '../../http/answers/answer-json.ts'
import type { ReadJsonBody } from '../../http/bodies/json-body.ts'
import type { Locate } from '../../http/errors/locate.ts'
import { whileWaiting } from '../../http/health/while-waiting.ts'
import type { HotRoute } from '../../http/hot-route.ts'
import { parseIdempotencyKey } from '../../http/idempotency-key.ts'
import { headOf } from '../../http/request-head.ts'
import { etagOf } from '../../predictions/prediction-etag.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { submitBodySchema } from '../../submit/submit-request.ts'
import { preferenceOf, waitOf } from './asked-wait.ts'
import * as docs from './prediction-docs.ts'

/** Submits a prediction; answers at once, or when it is final, as asked. */
export const submitRoute = ({
  predictions: { submit, pollSeconds, watch, show },
  readJsonBody,
  locate,
}: {
  predictions: Pick<Predictions, 'submit' | 'pollSeconds' | 'watch' | 'show'>
  readJsonBody: ReadJsonBody
  locate: Locate
}): HotRoute => ({
  description,
  handle: async (c) => {
    const head = headOf(c)
    const { waitMs = 0, applied } = preferenceOf(c)
    const body = await readJsonBody(c)
    const take = () =>
      submit({
        model: c.req.param('model') ?? '',
        body,
        form: 'request',
        owner: c.get('owner'),
        requestId: c.get('requestId'),
        keyId: c.get('keyId'),
        idempotencyKey: parseIdempotencyKey(head.header('idempotency-key')),
        cancelAfter: head.header('cancel-after'),
        isAwaited: waitMs > 0,
      })
    const takeAndWait = async () => {
      const { record, isReplay, expected } = await take()
      const latest = watch.untilFinal(record, waitOf(c, waitMs, expected))
      return { isReplay, record: await latest.finally(() => expected?.release()) }
    }
    const { record, isReplay } = await (waitMs > 0 ? whileWaiting(c, takeAndWait) : take())
    const headers = {
      Location: locate(predictionPath(record.id)),
      ETag: etagOf(record),
      ...(applied === undefined ? {} : { 'Preference-Applied': applied }),
      ...(isReplay ? { 'Idempotency-Replayed': 'true' } : {}),
    }
    if (record.outcome) return jsonAnswer(c, show(record), isReplay ? 200 : 201, headers)
    const retryAfter = String(await pollSeconds(record))
    return jsonAnswer(c, show(record), 202, { ...headers, 'Retry-After': retryAfter })
  },
})

const description = createRoute({
  method: 'post',
  path: '/v1/models/{model}/predictions',
  operationId: 'submitPrediction',
  tags: ['Predictions'],
  summary: 'Submit a prediction, or an array of rows as one',
  parameters: [
    docs.modelParameter,
    docs.preferHeader,
    docs.waitQuery,
    docs.idempotencyHeader,
    docs.cancelAfterHeader,
  ],
  request: docs.jsonBody(submitBodySchema),
  responses: {
    200: docs.json(
      docs.predictionResource,
      'A replay: the Idempotency-Key was used before, and its prediction is final.',
    ),
    201: docs.json(docs.predictionResource, 'It finished within the wait, whether well or not.'),
    202: docs.json(
      docs.predictionResource,
      'It is queued; come back at its Location after Retry-After seconds.',
    ),
    400: docs.problem('The body is no JSON, or a header is malformed.'),
    404: docs.problem('There is no such model.'),
    410: docs.problem('The prediction of this Idempotency-Key is gone.'),
    413: docs.problem('The body is too large.'),
    415: docs.problem('The body is not said to be JSON.'),
    422: docs.problem('The input does not fit the model; `errors` says where.'),
    429: docs.problem('Too much is waiting, or memory is short; come back after Retry-After seconds.'),
    503: docs.problem('The model or the queue is not available, or it is unknown whether it was accepted.'),
  },
})
