import { createRoute } from '@hono/zod-openapi'
import { jsonAnswer } from '../../http/answers/answer-json.ts'
import { whileWaiting } from '../../http/health/while-waiting.ts'
import type { HotRoute } from '../../http/hot-route.ts'
import { headOf } from '../../http/request-head.ts'
import { etagOf, matchesEtag } from '../../predictions/prediction-etag.ts'
import type { Predictions } from '../../submit/open-submit.ts'
import { preferenceOf, waitOf } from './asked-wait.ts'
import * as docs from './prediction-docs.ts'

/** Shows a prediction as it is now, or when it is final or anything about it has changed, as asked. */
export const pollRoute = ({
  predictions: { read, placeOf, watch, show },
}: {
  predictions: Pick<Predictions, 'read' | 'placeOf' | 'watch' | 'show'>
}): HotRoute => ({
  description,
  handle: async (c) => {
    const { waitMs = 0, applied } = preferenceOf(c)
    const known = headOf(c).header('if-none-match')
    const current = await read(c.req.param('id') ?? '', c.get('owner'))
    const watched = () => {
      const wait = waitOf(c, waitMs)
      return known === undefined
        ? watch.untilFinal(current, wait)
        : watch.untilChange(current, {
            ...wait,
            isKnown: (latest) => matchesEtag(known, etagOf(latest)),
          })
    }
    const record = waitMs > 0 ? await whileWaiting(c, watched) : current
    const etag = etagOf(record)
    const headers = { ETag: etag, ...(applied === undefined ? {} : { 'Preference-Applied': applied }) }
    if (matchesEtag(known, etag)) return { status: 304, headers, body: null }
    return jsonAnswer(c, show(record, await placeOf(record)), 200, headers)
  },
})

const description = createRoute({
  method: 'get',
  path: '/v1/predictions/{id}',
  operationId: 'getPrediction',
  tags: ['Predictions'],
  summary: 'A prediction as it is now, or when it is final',
  parameters: [docs.idParameter, docs.preferHeader, docs.waitQuery, docs.ifNoneMatchHeader],
  responses: {
    200: docs.json(docs.predictionResource, 'The prediction.'),
    304: { description: 'Nothing changed since the ETag of If-None-Match.' },
    404: docs.problem('There is no such prediction, or it is somebody else’s.'),
  },
})
