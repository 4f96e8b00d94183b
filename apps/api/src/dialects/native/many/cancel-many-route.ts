import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { ApiEnvironment } from '../../../http/api-environment.ts'
import { answerJson } from '../../../http/answers/answer-json.ts'
import { bodySchemaOf } from '../../../http/bodies/body-schema.ts'
import { nothingLong } from '../../../predictions/many/keep-included.ts'
import type { Predictions } from '../../../submit/open-submit.ts'
import * as docs from '../prediction-docs.ts'
import { idsSchema, readIdsBody } from './asked-ids.ts'
import { listedResource, listedWith, notFoundResource, showFound } from './found-prediction.ts'
import { shownBytes, whileHolding } from './while-holding.ts'

/** Cancels many predictions at once. */
export const cancelManyRoute = ({
  predictions: { cancelMany, show },
}: {
  predictions: Pick<Predictions, 'cancelMany' | 'show'>
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()
  const showListed = listedWith(show, nothingLong)

  app.openapi(cancelRoute, async (c) => {
    const { ids } = await readIdsBody(c, bodySchema)
    return whileHolding(c, async (hold) => {
      hold(ids.length * shownBytes)
      const found = await cancelMany(ids, { owner: c.get('owner'), onLong: (bytes) => hold(2 * bytes) })
      return answerJson(c, { results: await showFound(found, showListed) }, 200)
    })
  })

  return app
}

const bodySchema = z.strictObject({ ids: idsSchema })

const cancelRoute = createRoute({
  method: 'post',
  path: '/v1/predictions/cancel',
  operationId: 'cancelPredictions',
  tags: ['Predictions'],
  summary: 'Cancel up to 1,000 predictions; those that are final stay as they are',
  description:
    'Results are in the order of the ids, without inputs and outputs; in place of a prediction that there is not, or that is somebody else’s, stands a problem with its id. It may be repeated, also where it was answered with an error.',
  request: docs.jsonBody(bodySchemaOf(bodySchema)),
  responses: {
    200: docs.json(
      z.object({ results: z.array(z.union([listedResource, notFoundResource])) }),
      'The predictions, which are final now.',
    ),
    422: docs.problem('The body is not { "ids": […] }; `errors` says where.'),
    503: docs.problem('The queue does not answer; some may have been canceled.'),
  },
})
