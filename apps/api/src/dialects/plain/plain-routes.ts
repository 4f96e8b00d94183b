import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { AppError, defaultVersionOf, readShort } from '@onqueue/shared'
import { answerJson } from '../../http/answers/answer-json.ts'
import type { ApiEnvironment } from '../../http/api-environment.ts'
import type { ReadJsonBody } from '../../http/bodies/json-body.ts'
import type { Models } from '../../models/open-models.ts'
import { whileWaiting } from '../../http/health/while-waiting.ts'
import { hasPlainAnswer, toPlainAnswer } from './plain-answer.ts'
import { outputOf } from '../../submit/predict-now.ts'
import type { Predictions } from '../../submit/open-submit.ts'

/** How long `POST /predict` waits for its answer: as long as a native `predict` that asks for no other time. */
const plainWaitMs = 30_000
/** More than 1,000 rows of two classes come to. */
const maxPlainBytes = 1024 * 1024

/**
 * The plain service that people start from, on one model: `POST /predict` and `GET /health`. Errors are those of a
 * native `predict`; a model that is loaded nowhere is 503, also when nobody here has ever heard of it.
 */
export const plainRoutes = ({
  predictions: { predictNow },
  models,
  readJsonBody,
  defaultModel,
}: {
  predictions: Pick<Predictions, 'predictNow'>
  models: Pick<Models, 'get'>
  defaultModel: string
  readJsonBody: ReadJsonBody
}) => {
  const app = new OpenAPIHono<ApiEnvironment>()

  app.openapi(health, (c) => {
    const served = defaultVersionOf(models.get(defaultModel)?.versions ?? [])
    return c.json({ status: 'ok' as const, model_loaded: served?.status === 'ready' }, 200)
  })

  // openapi-plain-path.ts describes it, for the model that it is
  app.post('/predict', async (c) => {
    const body = await readJsonBody(c)
    const entry = models.get(defaultModel)
    if (!entry) throw notLoaded(defaultModel)
    const served = defaultVersionOf(entry.versions)
    const ended = await whileWaiting(c, () =>
      predictNow({
        model: defaultModel,
        version: served?.version,
        body,
        owner: c.var.owner,
        requestId: c.var.requestId,
        keyId: c.var.keyId,
        signal: c.req.raw.signal,
        waitMs: plainWaitMs - (performance.now() - c.var.arrivedAt),
      }),
    )
    const output = outputOf(ended)
    const offered = served?.card.interface ?? null
    if (!hasPlainAnswer(offered)) return answerJson(c, output, 200)
    return answerJson(c, toPlainAnswer(await readShort(output, maxPlainBytes), offered), 200)
  })

  return app
}

const notLoaded = (model: string) =>
  new AppError(
    'model_unavailable',
    `model "${model}" is loaded nowhere; start a worker that has it, or set ONQUEUE_DEFAULT_MODEL to one that is in GET /v1/models`,
    { retryAfterSeconds: 5 },
  )

const health = createRoute({
  method: 'get',
  path: '/health',
  operationId: 'plainHealth',
  tags: ['Plain service'],
  security: [],
  summary: 'Always 200, with whether the default model is loaded',
  responses: {
    200: {
      description: 'The service is there.',
      content: {
        'application/json': { schema: z.object({ status: z.literal('ok'), model_loaded: z.boolean() }) },
      },
    },
  },
})
