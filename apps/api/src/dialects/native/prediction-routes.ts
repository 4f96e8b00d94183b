import { predictionPath } from '@onqueue/shared'
import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { answerJson } from '../../http/answers/answer-json.ts'
import type { ApiContext, ApiEnvironment } from '../../http/api-environment.ts'
import { parseIdempotencyKey } from '../../http/idempotency-key.ts'
import type { Locate } from '../../http/errors/locate.ts'
import type { ReadJsonBody } from '../../http/bodies/json-body.ts'
import { parsePreference } from '../../http/prefer-header.ts'
import { etagOf, matchesEtag } from '../../predictions/prediction-etag.ts'
import { whileWaiting } from '../../http/health/while-waiting.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { submitBodySchema } from '../../submit/submit-request.ts'
import type { ExpectedOutcome } from '../../predictions/wait-for-outcome.ts'
import type { Wait } from '../../predictions/watch-prediction.ts'
import * as docs from './prediction-docs.ts'

/** Submit, poll, cancel and delete predictions. */
export const predictionRoutes = ({
  predictions,
  readJsonBody,
  locate,
}: {
  predictions: Predictions
  readJsonBody: ReadJsonBody
  locate: Locate
}) => {
  const { submit, pollSeconds, read, placeOf, watch, cancel, forget, show } = predictions
  const app = new OpenAPIHono<ApiEnvironment>()

  app.openapi(submitRoute, async (c) => {
    const { waitMs = 0, applied } = preferenceOf(c)
    const body = await readJsonBody(c)
    const take = () =>
      submit({
        model: c.req.param('model'),
        body,
        form: 'request',
        owner: c.get('owner'),
        requestId: c.get('requestId'),
        keyId: c.get('keyId'),
        idempotencyKey: parseIdempotencyKey(c.req.header('idempotency-key')),
        cancelAfter: c.req.header('cancel-after'),
        isAwaited: waitMs > 0,
      })
    const takeAndWait = async () => {
      const submitted = await take()
      const { record, expected } = submitted
      const latest = await watch
        .untilFinal(record, waitOf(c, waitMs, expected))
        .finally(() => expected?.release())
      return { ...submitted, latest }
    }
    const { record, isReplay, latest } = await (waitMs > 0 ? whileWaiting(c, takeAndWait) : takeAndWait())
    const headers = {
      Location: locate(predictionPath(record.id)),
      ETag: etagOf(latest),
      ...(applied === undefined ? {} : { 'Preference-Applied': applied }),
      ...(isReplay ? { 'Idempotency-Replayed': 'true' } : {}),
    }
    if (latest.outcome) return answerJson(c, show(latest), isReplay ? 200 : 201, headers)
    const retryAfter = String(await pollSeconds(latest))
    return answerJson(c, show(latest), 202, { ...headers, 'Retry-After': retryAfter })
  })

  app.openapi(getRoute, async (c) => {
    const { waitMs = 0, applied } = preferenceOf(c)
    const known = c.req.header('if-none-match')
    const wait = waitOf(c, waitMs)
    const current = await read(c.req.param('id'), c.get('owner'))
    const watched = () =>
      known === undefined
        ? watch.untilFinal(current, wait)
        : watch.untilChange(current, {
            ...wait,
            isKnown: (latest) => matchesEtag(known, etagOf(latest)),
          })
    const record = await (waitMs > 0 ? whileWaiting(c, watched) : watched())
    const etag = etagOf(record)
    const headers = { ETag: etag, ...(applied === undefined ? {} : { 'Preference-Applied': applied }) }
    if (matchesEtag(known, etag)) return c.body(null, 304, headers)
    return answerJson(c, show(record, await placeOf(record)), 200, headers)
  })

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

const preferenceOf = (c: ApiContext) => parsePreference(c.req.header('prefer'), c.req.query('wait'))

/** A wait that counts from the arrival of the request; without one, nothing is followed and no signal made. */
const waitOf = (c: ApiContext, waitMs: number, expected: ExpectedOutcome | null = null): Wait => ({
  waitMs: waitMs === 0 ? 0 : waitMs - (performance.now() - c.get('arrivedAt')),
  signal: waitMs === 0 ? undefined : c.req.raw.signal,
  expected,
})

const tags = ['Predictions']

const submitRoute = createRoute({
  method: 'post',
  path: '/v1/models/{model}/predictions',
  operationId: 'submitPrediction',
  tags,
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

const getRoute = createRoute({
  method: 'get',
  path: '/v1/predictions/{id}',
  operationId: 'getPrediction',
  tags,
  summary: 'A prediction as it is now, or when it is final',
  parameters: [docs.idParameter, docs.preferHeader, docs.waitQuery, docs.ifNoneMatchHeader],
  responses: {
    200: docs.json(docs.predictionResource, 'The prediction.'),
    304: { description: 'Nothing changed since the ETag of If-None-Match.' },
    404: docs.problem('There is no such prediction, or it is somebody else’s.'),
  },
})

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
