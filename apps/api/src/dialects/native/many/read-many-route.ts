import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { ApiEnvironment } from '../../../http/api-environment.ts'
import { answerJson } from '../../../http/answers/answer-json.ts'
import { bodySchemaOf } from '../../../http/bodies/body-schema.ts'
import { whileWaiting } from '../../../http/health/while-waiting.ts'
import type { Predictions } from '../../../submit/open-submit.ts'
import { waitOf } from '../asked-wait.ts'
import * as docs from '../prediction-docs.ts'
import { idsSchema, readIdsBody } from './asked-ids.ts'
import { notFoundResource, showFound } from './found-prediction.ts'
import { awaitedBytes, shownBytes, whileHolding } from './while-holding.ts'

/** Shows many predictions at once, as they are now, or when all or any of them are final. */
export const readManyRoute = ({
  predictions: { readMany, watchMany, placeOf, show },
}: {
  predictions: Pick<Predictions, 'readMany' | 'watchMany' | 'placeOf' | 'show'>
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()

  app.openapi(readRoute, async (c) => {
    const { ids, wait, until } = await readIdsBody(c, bodySchema)
    const owner = c.get('owner')
    const { waitMs, signal } = waitOf(c, wait * 1000)
    if (waitMs > 0) {
      await whileWaiting(c, () =>
        whileHolding(c, (hold) => {
          hold(ids.length * awaitedBytes)
          return watchMany(ids, { owner, until, waitMs, signal })
        }),
      )
    }
    return whileHolding(c, async (hold) => {
      hold(ids.length * shownBytes)
      const { found, left } = await readMany(ids, { owner, include: everything })
      // few of them need more to be read, which is done one after the other
      const results = await showFound(found, async (record) => show(record, await placeOf(record)))
      const answer = { results, next: left.length > 0 ? left : null }
      return answerJson(c, answer, 200, {}, { isRead: true })
    })
  })

  return app
}

const everything = new Set(['input', 'output'] as const)

const seconds = 'takes seconds, from 0 to 55'

const bodySchema = z.strictObject({
  ids: idsSchema,
  wait: z
    .number()
    .min(0, seconds)
    .max(55, seconds)
    .default(0)
    .describe('How long to hold the request, in seconds, for those that there are to be final.'),
  until: z.enum(['all', 'any'], 'takes "all" or "any"').default('all').describe('Which of them to wait for.'),
})

const readRoute = createRoute({
  method: 'post',
  path: '/v1/predictions/read',
  operationId: 'readPredictions',
  tags: ['Predictions'],
  summary: 'Up to 1,000 predictions as they are now, or when all or any of them are final',
  description:
    'Results are in the order of the ids; in place of a prediction that there is not, or that is somebody else’s, stands a problem with its id. A thousand inputs and outputs may be much: when they are 1 MB together, the ids that are left come as `next`; send them as `ids` for the others.',
  request: docs.jsonBody(bodySchemaOf(bodySchema)),
  responses: {
    200: docs.json(
      z.object({
        results: z.array(z.union([docs.predictionResource, notFoundResource])),
        next: z.array(z.string()).nullable(),
      }),
      'The predictions; next has the ids that are left, or is null.',
    ),
    422: docs.problem('The body is not { "ids": […] }; `errors` says where.'),
    429: docs.problem('Your key has too many requests that wait.'),
  },
})
